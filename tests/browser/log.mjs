// SPDX-License-Identifier: MIT
// log: the tests of the log page: following, pausing, history, what happens to the server and files.

import { join } from "node:path";
import { logFindTests } from "./logfind.mjs";
import { logLineTests } from "./loglines.mjs";

const windowRows = 200; // as in the page
const manyLines = 1000;
const firstLines = 1000; // what the page begins with

/** @param {object} tools those of helpers.mjs */
export function logTests(tools) {
    const {
        append, artefacts, assertThat, baseUrl, control, fitsNarrow, mark, openLog, pageUrl,
        rowsWith, seen, stateIs, textOf, until,
    } = tools;

    const rowCount = (page) => page.locator("#rows .log-row").count();

    /** Of the lines of ours that are shown, each is there once and in order. */
    async function areShownOnce(page, lines) {
        await seen(page, lines.at(-1));
        const shown = await page.locator("#rows .text").allTextContents();
        const ours = shown.filter((text) => lines.includes(text));
        assertThat(ours.join() === lines.join(), `each line once, in order: ${ours.length}`);
    }

    async function readersOf(name) {
        const list = await (await fetch(new URL("events/", baseUrl))).json();
        return list.streams.find((stream) => stream.name === name).readers;
    }

    return {
        async log_shows_an_appended_line(page) {
            await openLog(page);
            const line = mark();
            append(line);
            await seen(page, line);
            assertThat((await rowsWith(page, line).count()) === 1, "the line is there once");
        },

        // A line is appended only after the one before was seen: a buffer on the way would stop it.
        async log_shows_each_line_before_the_next_is_written(page) {
            await openLog(page);
            for (let i = 0; i < 5; i++) {
                const line = mark();
                append(line);
                await seen(page, line);
            }
        },

        async log_pauses_without_dropping(page) {
            await openLog(page);
            const before = mark();
            append(before);
            await seen(page, before);
            await page.locator("#follow").click();
            assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "the button pauses");

            const lines = Array.from({ length: 20 }, mark);
            append(...lines);
            await until("20 lines waiting", async () => {
                const text = await textOf(page, "#follow");
                return Number(text.replace(/\D/g, "")) >= lines.length;
            });
            await page.screenshot({ path: join(artefacts, "log-paused.png") });

            await page.locator("#newest").click();
            await areShownOnce(page, lines);
            assertThat((await textOf(page, "#follow")) === "FOLLOWING", "following again");
        },

        async log_keeps_few_rows_in_the_page_and_scrolls_back_to_the_rest(page) {
            await openLog(page);
            const lines = Array.from({ length: manyLines }, mark);
            append(...lines);
            await seen(page, lines.at(-1));
            assertThat((await rowCount(page)) <= windowRows, "rows after many lines");

            await page.locator("#view").hover();
            await until("the first of them, by scrolling up", async () => {
                await page.mouse.wheel(0, -2000);
                return (await rowsWith(page, lines[0]).count()) > 0;
            });
            assertThat((await rowCount(page)) <= windowRows, "rows after scrolling up");
            assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "scrolling up pauses");

            await until("following, by scrolling down", async () => {
                await page.mouse.wheel(0, 2000);
                return (await textOf(page, "#follow")) === "FOLLOWING";
            });
            assertThat((await rowsWith(page, lines.at(-1)).count()) === 1, "the last is shown again");
        },

        async log_reads_history_back_to_the_beginning(page) {
            const lines = Array.from({ length: 2 * firstLines }, mark);
            append(...lines);
            await openLog(page);
            await seen(page, lines.at(-1));
            const isLoaded = (number) => async () => {
                await page.mouse.wheel(0, -20000);
                const count = (await textOf(page, "#count")).replace(/\D/g, "");
                return Number(count) >= number;
            };
            await page.locator("#view").hover();
            await until("an earlier page", isLoaded(firstLines + 1));
            await page.keyboard.press("g");
            await until("the beginning", async () =>
                (await page.locator("#rows .log-edge.older").textContent()).includes("beginning")
            );
            await until("the first line", async () =>
                (await page.locator("#rows .log-row .number").first().isVisible())
            );
            assertThat((await rowCount(page)) <= windowRows, "rows at the beginning");
            await page.keyboard.press("G");
            await seen(page, lines.at(-1));
            assertThat((await textOf(page, "#follow")) === "FOLLOWING", "following again");
        },

        async log_shows_hostile_lines_as_text(page) {
            await openLog(page);
            const title = await page.title();
            const id = mark();
            const hostile = [
                `${id} <script>document.title="taken"</script>`,
                `${id} <img src=x onerror="document.title='taken'">`,
                `${id} </div><a href="javascript:document.title='taken'">here</a>`,
                `${id} <svg onload="document.title='taken'"><style>*{display:none}</style>`,
                `${id} \u202Etxt.exe \u001B]8;;http://example.org\u0007link\u001B[31mred`,
                `${id} \u001B]0;taken\u0007\u001B[2J\u001B[1;1H\u0000 \u009b31m end`,
                `{"msg":"${id} <b onclick=alert(1)>json</b>","__proto__":{"x":1},"<i>":"\u2066"}`,
            ];
            append(...hostile);
            await control("write", { body: Buffer.from(`${id} \xff\xfe\xc3( bytes\n`, "latin1") });
            append(`${id} ${"x".repeat(1024 * 1024)} last`, `${id} done`);
            await seen(page, `${id} done`);
            const texts = await rowsWith(page, id).allTextContents();
            assertThat(texts.length === hostile.length + 3, `one row for each line: ${texts.length}`);
            for (const [i, line] of hostile.slice(0, 4).entries()) {
                assertThat(texts[i] === line, `shown as it is: ${line}`);
            }
            assertThat(!/[\u0000-\u0008\u001b\u0007\u009b\u202e\u2066]/.test(texts.join("")), "no control");
            assertThat(texts.every((text) => text.length < 10000), "a long line is cut");
            const others = await page.locator("#rows :not(div, span, mark, button)").count();
            assertThat(others === 0, "no element of theirs");
            assertThat((await page.title()) === title, "the title is ours");
            await page.screenshot({ path: join(artefacts, "log-hostile.png") });
        },

        async log_loses_nothing_when_the_responder_is_killed(page) {
            await openLog(page);
            const lines = Array.from({ length: 30 }, mark);
            append(...lines.slice(0, 10));
            await seen(page, lines[9]);
            await control("kill-responder");
            append(...lines.slice(10, 20));
            await seen(page, lines[19]);
            await stateIs(page, "Live");
            append(...lines.slice(20));
            await areShownOnce(page, lines);
            page.expectedFailures = /Failed to load|ERR_/;
        },

        async log_loses_nothing_when_the_server_is_restarted(page) {
            await openLog(page);
            const lines = Array.from({ length: 30 }, mark);
            append(...lines.slice(0, 10));
            await seen(page, lines[9]);
            await control("stop-server");
            await stateIs(page, "Retrying");
            await page.screenshot({ path: join(artefacts, "log-retrying.png") });
            append(...lines.slice(10, 20));
            await control("start-server");
            await seen(page, lines[19]);
            append(...lines.slice(20));
            await areShownOnce(page, lines);
            page.expectedFailures = /Failed to load|ERR_/;
        },

        async log_resumes_after_it_was_in_the_background_cache(page) {
            await openLog(page);
            const first = mark();
            append(first);
            await seen(page, first);
            await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
            await until("nobody reads", async () => (await readersOf("app")) === 0);
            const missed = [mark(), mark(), mark()];
            append(...missed);
            await page.evaluate(() =>
                dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))
            );
            await areShownOnce(page, [first, ...missed]);
        },

        async log_shares_one_connection_among_its_tabs(page) {
            await openLog(page);
            const other = await page.context().newPage();
            await openLog(other);
            const lines = [mark(), mark()];
            append(...lines);
            await areShownOnce(page, lines);
            await areShownOnce(other, lines);
            assertThat((await readersOf("app")) === 1, `${await readersOf("app")} connections`);
            await other.close();
            const last = mark();
            append(last);
            await seen(page, last);
        },

        // As when the tab crashes in whose process it was.
        async log_goes_on_when_the_shared_worker_is_gone(page) {
            await openLog(page);
            const first = mark();
            append(first);
            await seen(page, first);
            const session = await page.context().browser().newBrowserCDPSession();
            const { targetInfos } = await session.send("Target.getTargets", {
                filter: [{ type: "shared_worker" }],
            });
            assertThat(targetInfos.length === 1, `${targetInfos.length} shared workers`);
            await session.send("Target.closeTarget", { targetId: targetInfos[0].targetId });
            const lines = [mark(), mark()];
            append(...lines);
            await areShownOnce(page, [first, ...lines]);
        },

        async log_shows_a_rotation_as_a_boundary(page) {
            await openLog(page);
            const lines = [mark(), mark(), mark()];
            append(lines[0]);
            await seen(page, lines[0]);
            await control("rotate");
            append(...lines.slice(1));
            await areShownOnce(page, lines);
            const first = page.locator("#rows .log-row", { hasText: lines[1] });
            assertThat((await first.locator(".boundary").count()) === 1, "a new file begins there");
            assertThat((await page.locator("#rows .boundary").count()) === 1, "and nowhere else");
        },

        async log_shows_a_truncation_as_a_gap(page) {
            await openLog(page, { stream: "json" });
            await control("write", { file: "json.log", body: `{"msg":"${mark()}"}\n` });
            await control("truncate", { file: "json.log" });
            const line = mark();
            await control("write", { file: "json.log", body: `{"msg":"${line}"}\n` });
            await seen(page, line);
            const gap = await textOf(page, "#rows .log-row.gap .text");
            assertThat(gap.startsWith("Gap: truncated"), gap);
            page.expectedFailures = /410/; // what was before it
        },

        async log_tells_of_new_lines_only_while_it_follows(page) {
            await openLog(page);
            const spoken = () => textOf(page, "#spoken");
            await until("a line is read out", async () => {
                const line = mark();
                append(line);
                await seen(page, line);
                return (await spoken()).includes(line);
            });
            await page.keyboard.press("f");
            const before = await spoken();
            const paused = mark();
            append(paused);
            await until("a line is waiting", async () => /\+[1-9]/.test(await textOf(page, "#follow")));
            assertThat((await spoken()) === before, "nothing is said while paused");
            const live = page.locator("#spoken");
            assertThat((await live.getAttribute("aria-live")) === "polite", "politely");
        },

        async log_offers_only_streams_that_can_be_read(page) {
            await openLog(page);
            const options = page.locator("#stream option");
            await until("the list", async () => (await options.count()) > 1);
            const names = await options.allTextContents();
            assertThat(names.includes("clock"), `among ${names}`);
            for (const other of ["answer", "ten", "rooms/*"]) {
                assertThat(!names.includes(other), `${other} can't be read`);
            }
            await page.locator("#stream").selectOption("json");
            await page.waitForURL(pageUrl("log.html", { stream: "json" }));
            await stateIs(page, "Live");
        },

        async log_fits_a_narrow_screen_and_the_dark(page) {
            await fitsNarrow(page, "log");
            await page.locator("#fold").click();
            await page.locator("#search-open").click();
            await page.locator("#search-text").fill("mark");
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            assertThat(width <= 360, `with all its bars it is ${width} pixels wide`);
            assertThat((await rowCount(page)) > 0, "rows are there");
        },

        ...logFindTests(tools),
        ...logLineTests(tools),
    };
}
