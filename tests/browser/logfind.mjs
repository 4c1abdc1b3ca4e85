// SPDX-License-Identifier: MIT
// logfind: the tests of searching and filtering in the log page.

import { join } from "node:path";

/** @param {object} tools those of helpers.mjs */
export function logFindTests(tools) {
    const { append, artefacts, assertThat, control, mark, openLog, seen, textOf, until } = tools;

    const texts = (page, rows = "#rows") => page.locator(`${rows} .text`).allTextContents();
    const current = (page) => textOf(page, "#rows .log-row.flash .text");
    const countIs = (page, wanted) =>
        until(`the count ${wanted}`, async () => (await textOf(page, "#search-count")) === wanted);

    /** Waits until exactly these rows are shown. */
    function rowsAre(page, wanted, rows) {
        return until(`${wanted.length} rows`, async () =>
            (await texts(page, rows)).join("\n") === wanted.join("\n")
        );
    }

    /** Twelve lines of ours, numbered, every third an error. */
    async function openWithLines(page) {
        const id = mark();
        const words = ["ERROR", "INFO", "WARN"];
        const lines = Array.from({ length: 12 }, (_, i) => `${words[i % 3]} ${id} number ${i};`);
        append(...lines);
        await openLog(page);
        await seen(page, lines.at(-1));
        return { id, lines, errors: lines.filter((line) => line.startsWith("ERROR")) };
    }

    async function search(page, text) {
        await page.keyboard.press("/");
        await page.locator("#search-text").fill(text);
    }

    return {
        async log_finds_and_goes_from_hit_to_hit(page) {
            const { id, errors } = await openWithLines(page);
            await search(page, `error ${id}`);
            await until("4 hits", async () => (await textOf(page, "#search-count")).endsWith("of 4"));
            const marked = await page.locator("#rows mark").allTextContents();
            assertThat(marked.join() === Array(4).fill(`ERROR ${id}`).join(), "they are marked");
            await page.keyboard.press("Escape");
            await until("the bar is closed", () => page.locator("#search").isHidden());
            await page.keyboard.press("/");
            await page.keyboard.press("Enter");
            await until("a hit", async () => errors.includes(await current(page)));
            assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "going there pauses");
            await page.locator("#view").focus();
            const at = errors.indexOf(await current(page));
            await page.keyboard.press("n");
            await until("the next", async () => (await current(page)) === errors[(at + 1) % 4]);
            await countIs(page, `${((at + 1) % 4) + 1} of 4`);
            await page.keyboard.press("N");
            await page.keyboard.press("N");
            await until("two back", async () => (await current(page)) === errors[(at + 3) % 4]);
            await page.screenshot({ path: join(artefacts, "log-search.png") });
        },

        async log_filters_with_context_inverse_and_case(page) {
            const { id, lines, errors } = await openWithLines(page);
            await search(page, `${id} number 6;`);
            await page.locator("#search-filter").click();
            await rowsAre(page, [lines[6]]);
            await page.locator("#search-context").selectOption("2");
            await rowsAre(page, lines.slice(4, 9));
            await page.locator("#search-context").selectOption("0");

            await page.locator("#search-text").fill(`error ${id}`);
            await rowsAre(page, errors);
            await page.locator("#search-case").click();
            await rowsAre(page, []);
            await countIs(page, "not found");
            await page.locator("#search-text").fill(`ERROR ${id}`);
            await rowsAre(page, errors);
            const later = `ERROR ${id} later`;
            append(`INFO ${id} not this`, later);
            await rowsAre(page, [...errors, later]);

            await page.locator("#search-invert").click();
            await until("the others", async () => {
                const shown = await texts(page);
                return shown.includes(lines[1]) && !shown.some((text) => errors.includes(text));
            });
            await page.locator("#search-close").click();
            await until("all", async () => (await texts(page)).includes(errors[3]));
        },

        async log_finds_by_regular_expression(page) {
            const { id, lines } = await openWithLines(page);
            await search(page, `${id} number (3|1\\d);$`);
            await countIs(page, "not found");
            await page.locator("#search-regex").click();
            await page.locator("#search-filter").click();
            await rowsAre(page, [lines[3], lines[10], lines[11]]);
            await page.locator("#search-text").fill(`${id} number (`);
            await until("what is wrong", async () =>
                /unterminated group/i.test(await textOf(page, "#search-count"))
            );
            await until("no filter", async () => (await texts(page)).includes(lines[4]));
        },

        async log_gives_up_a_pattern_that_takes_for_ever(page) {
            await openLog(page);
            const line = `${mark()} ${"a".repeat(60)}!`;
            append(line);
            await seen(page, line);
            await search(page, "(a+)+$");
            await page.locator("#search-regex").click();
            await until("it says so", async () =>
                (await textOf(page, "#search-count")).includes("takes too long")
            );
            const after = mark();
            append(after);
            await seen(page, after);
        },

        async log_lives_on_when_marking_a_hit_would_take_for_ever(page) {
            await openLog(page);
            const id = mark();
            const line = `${id} ${"q".repeat(60)}c`; // a hit at once; what comes after is the trouble
            append(line);
            await seen(page, line);
            await search(page, `${id}|(q+)+b`);
            await page.locator("#search-regex").click();
            await until("the hit", async () => (await textOf(page, "#search-count")).includes("1"));
            const after = mark();
            append(after);
            await seen(page, after);
            await search(page, `${id}|c$`);
            await until("two marks", async () => (await page.locator("#rows mark").count()) === 2);
        },

        async log_lets_the_server_search_all_of_it(page) {
            const { id, errors } = await openWithLines(page);
            append(...Array.from({ length: 1500 }, mark)); // now the page does not begin with ours
            await openLog(page);
            await search(page, `ERROR ${id}`);
            await page.locator("#search-all").click();
            await rowsAre(page, errors, "#found-rows");
            await until("it has an end", async () =>
                (await textOf(page, "#found-text")) === "4 lines, all of the log was searched"
            );
            await page.screenshot({ path: join(artefacts, "log-found.png") });
            await page.locator("#found-rows .number").nth(2).click();
            await page.locator("#found-show").click();
            await until("it is selected in the log", async () =>
                (await page.locator("#rows .selected .text").allTextContents()).join() === errors[2]
            );
            assertThat(await page.locator("#found-frame").isHidden(), "the results are closed");
            assertThat((await texts(page)).some((text) => text.includes(`${id} number 7;`)), "with the rest");
        },

        async log_tells_how_far_a_search_is_and_cancels_it(page) {
            await openLog(page);
            await page.route("**/events/*regex=*", (route) =>
                route.fulfill({
                    status: 200,
                    contentType: "text/event-stream",
                    body: 'id: start\nevent: stream.progress\ndata: {"bytes_left":3145728}\n\n',
                })
            );
            await search(page, "never there");
            await page.locator("#search-all").click();
            const text = () => textOf(page, "#found-text");
            await until("how much is left", async () => (await text()).includes("3 MiB left"));
            await page.locator("#found-cancel").click();
            assertThat((await text()) === "0 lines, cancelled", await text());
            assertThat(await page.locator("#found-cancel").isHidden(), "nothing is left to cancel");
            await page.keyboard.press("Escape");
            await until("the log", () => page.locator("#frame").isVisible());
        },

        async log_says_what_the_server_refuses(page) {
            await openLog(page);
            await search(page, "(");
            await page.locator("#search-regex").click();
            await page.locator("#search-all").click();
            await until("the reason", async () =>
                (await textOf(page, "#found-text")).includes("regex")
            );
            await page.locator("#found-close").click();
            assertThat(await page.locator("#frame").isVisible(), "back in the log");
            page.expectedFailures = /400/;
        },

        async log_shows_the_chosen_levels(page) {
            const { lines, errors } = await openWithLines(page);
            for (const level of ["warn", "info", "debug", "other"]) {
                await page.locator(`#levels [data-level=${level}]`).click();
            }
            await until("errors alone", async () => {
                const shown = await texts(page);
                return shown.includes(errors[3]) && shown.every((text) => /error|^Gap/i.test(text));
            });
            await page.locator("#levels [data-level=warn]").click();
            await until("warnings, too", async () => (await texts(page)).includes(lines[2]));
            const count = await textOf(page, "#levels [data-level=error] .number");
            assertThat(Number(count.replace(/\D/g, "")) >= 4, `${count} errors`);
            await page.screenshot({ path: join(artefacts, "log-levels.png") });
        },

        async log_goes_from_error_to_error(page) {
            const { errors } = await openWithLines(page);
            await page.keyboard.press("E");
            await until("an error", async () => /ERROR/.test(await current(page)));
            const last = await current(page);
            append(`INFO ${mark()}`);
            await page.keyboard.press("E");
            await until("the one before", async () => {
                const text = await current(page);
                return text !== last && /error/i.test(text);
            });
            await page.keyboard.press("e");
            await until("the one after", async () => (await current(page)) === last);
            await page.locator("#view").focus();
            for (let i = 0; i < 5; i++) {
                await page.keyboard.press("e");
            }
            await until("there is an end", async () =>
                (await textOf(page, "#notice-text")) === "No more errors after this line."
            );
            assertThat((await current(page)) === errors[3], "it stays at the last");
            await page.locator("#error-first").click();
            await until("the first", async () => (await current(page)) !== errors[3]);
        },

        async log_shows_several_files_merged_or_alone(page) {
            const [one, two] = [mark(), mark()];
            await openLog(page, { stream: "web" });
            await control("write", { file: "web-one.log", body: `${one}\n` });
            await control("write", { file: "web-two.log", body: `${two}\n` });
            await seen(page, one);
            await seen(page, two);
            const file = (name) => page.locator("#files button", { hasText: name });
            await file("web-one.log").click();
            await until("one alone", async () => {
                const shown = await texts(page);
                return shown.includes(one) && !shown.includes(two);
            });
            await file("All files").click();
            await seen(page, two);
            assertThat((await page.locator("#rows .name").count()) > 0, "lines tell their file");

            const row = page.locator("#rows .log-row", { hasText: two });
            await row.locator(".number").click();
            await page.keyboard.press("y");
            await until("a link", async () => new URL(page.url()).hash.length > 10);
            await page.reload();
            await until("the link leads there", async () =>
                (await page.locator("#rows .selected .text").allTextContents()).join() === two
            );
        },
    };
}
