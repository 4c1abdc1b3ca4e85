// SPDX-License-Identifier: MIT
// loglines: the tests of links, marks, copying and how lines are shown in the log page.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const permissions = ["clipboard-read", "clipboard-write"];

/** @param {object} tools those of helpers.mjs */
export function logLineTests(tools) {
    const {
        append, artefacts, assertThat, control, logParams, mark, openLog, pageUrl, rowsWith, seen,
        stateIs, textOf, until,
    } = tools;

    const selected = (page) => page.locator("#rows .selected .text").allTextContents();
    const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
    const number = (page, text) =>
        page.locator("#rows .log-row", { hasText: text }).locator(".number");

    async function openWithLines(page, count) {
        const lines = Array.from({ length: count }, mark);
        append(...lines);
        await openLog(page);
        await seen(page, lines.at(-1));
        return lines;
    }

    async function selectLines(page, from, to) {
        await number(page, from).click();
        await number(page, to).click({ modifiers: ["Shift"] });
    }

    function withContext(context, test) {
        test.context = context;
        return test;
    }

    return {
        log_links_to_lines: withContext({ permissions }, async (page) => {
            const lines = await openWithLines(page, 8);
            await selectLines(page, lines[2], lines[4]);
            await until("three lines", async () =>
                (await textOf(page, "#picked-text")) === "3 lines selected"
            );
            await page.keyboard.press("y");
            await until("it is told", () => page.locator("#notice").isVisible());
            const link = await clipboard(page);
            assertThat(link === page.url() && link.includes(".."), `a range: ${link}`);
            append(...Array.from({ length: 1200 }, mark)); // far from the end now

            const other = await page.context().newPage();
            await other.goto(link);
            await until("the lines are selected", async () =>
                (await selected(other)).join() === lines.slice(2, 5).join()
            );
            assertThat((await textOf(other, "#follow")).startsWith("PAUSED"), "the page stays there");
            assertThat((await rowsWith(other, lines[0]).count()) === 1, "lines before it are there");
            assertThat((await rowsWith(other, lines[7]).count()) === 1, "and after it");
            await other.screenshot({ path: join(artefacts, "log-link.png") });
            const last = mark();
            append(last);
            await other.keyboard.press("G");
            await seen(other, last);
            await other.close();
        }),

        async log_says_that_a_link_is_too_old(page) {
            await page.goto(`${pageUrl("log.html", logParams)}#Q7zZxemDIPN.40.vzjGZhzjGZh`);
            await until("a sentence", async () =>
                /not there any more/.test(await textOf(page, "#notice-text"))
            );
            assertThat(await page.locator("#rows .log-row.gap").first().isVisible(), "a gap row");
            await page.locator("#notice-close").click();
            assertThat(await page.locator("#notice").isHidden(), "it can be closed");
            page.expectedFailures = /410/;
        },

        log_copies_and_downloads_exactly: withContext(
            { permissions, acceptDownloads: true },
            async (page) => {
                await openLog(page);
                const id = mark();
                const lines = [`${id}\ta "b"  <c> `, `  ${id} \u001b[31mred\u001b[0m \u202e`, `${id} ü`];
                append(...lines);
                await seen(page, `${id} ü`);
                await number(page, `${id} ü`).click();
                await page.keyboard.press("Escape");
                const rows = page.locator("#rows .log-row", { hasText: id }).locator(".number");
                await rows.first().click();
                await rows.last().click({ modifiers: ["Shift"] });
                await page.locator("#picked-copy").click();
                await until("it is told", () => page.locator("#notice").isVisible());
                assertThat((await clipboard(page)) === lines.join("\n"), "copied as they are");

                await page.locator("#view").focus();
                const waiting = page.waitForEvent("download");
                await page.locator("#download").click();
                const path = await (await waiting).path();
                assertThat(readFileSync(path, "utf8") === `${lines.join("\n")}\n`, "and kept so");
            }
        ),

        async log_keeps_marks(page) {
            const lines = await openWithLines(page, 3);
            await number(page, lines[1]).click();
            await page.keyboard.press("m");
            await until("it is marked", async () =>
                (await page.locator("#rows .marked .text").allTextContents()).join() === lines[1]
            );
            append(...Array.from({ length: 1200 }, mark));
            await openLog(page);
            await until("the list", async () => (await textOf(page, "#marks-title")) === "Marks 1");
            await page.locator("#marks-title").click();
            await page.locator("#marks .mark", { hasText: lines[1] }).click();
            await until("it leads there", async () => (await selected(page)).join() === lines[1]);
            await page.locator("#marks-title").click();
            await page.locator("#marks button").last().click();
            await until("it is removed", async () => (await page.locator("#rows .marked").count()) === 0);
        },

        async log_shows_json_as_columns(page) {
            await openLog(page, { stream: "json" });
            const id = mark();
            const lines = [
                { time: "2026-11-21T12:00:01Z", level: "error", msg: `${id} one`, user: "bob", ms: 7 },
                { time: "2026-11-21T12:00:02Z", level: "info", msg: `${id} two`, user: "eve", ms: 8 },
            ].map((line) => JSON.stringify(line));
            await control("write", { file: "json.log", body: `${lines.join("\n")}\n${id} no json {\n` });
            await seen(page, `${id} two`);
            assertThat((await rowsWith(page, `${id} no json {`).count()) === 1, "other lines as they are");
            await page.locator("#json summary").click();
            for (const name of ["user", "ms"]) {
                await page.locator("#columns span", { hasText: new RegExp(`^${name}$`) }).click();
            }
            await until("two columns", async () =>
                /^bob\s*7\s*$/.test((await rowsWith(page, "bob").first().textContent()) ?? "")
            );
            await page.screenshot({ path: join(artefacts, "log-columns.png") });
            await page.locator("#raw").check();
            await until("as it is", async () => (await rowsWith(page, lines[0]).count()) === 1);
            await page.keyboard.press("Escape");
            assertThat(!(await page.locator("#json").evaluate((menu) => menu.open)), "the menu closes");
        },

        async log_shows_times_and_wraps_as_told(page) {
            await openLog(page);
            const line = `2026-11-21T12:34:56Z ${mark()} ${"word ".repeat(200)}`;
            append(line);
            await seen(page, line.slice(0, 60));
            const row = page.locator("#rows .log-row", { hasText: line.slice(0, 60) });
            const wrapped = (await row.boundingBox()).height;
            await page.keyboard.press("w");
            await until("one row high", async () => (await row.boundingBox()).height < wrapped);
            await page.keyboard.press("t");
            await until("the time", async () => /12:34:56/.test(await row.locator(".time").textContent()));
            assertThat((await textOf(page, "#time")) === "Time: UTC", "the button tells");
            await page.reload();
            await stateIs(page, "Live");
            await until("it is kept", async () => (await textOf(page, "#time")) === "Time: UTC");
            assertThat((await page.locator("#wrap").getAttribute("aria-pressed")) === "false", "both");
        },

        async log_is_worked_by_keyboard_and_says_how(page) {
            await openWithLines(page, 3);
            await page.keyboard.press("?");
            const dialog = page.locator("#help");
            await until("the dialog", () => dialog.isVisible());
            const keys = await dialog.locator("kbd").allTextContents();
            assertThat(keys.join(" ") === "/ n N e E f g G w t y m ? Esc", keys.join(" "));
            await page.screenshot({ path: join(artefacts, "log-keys.png") });
            await page.keyboard.press("f");
            await page.keyboard.press("Escape");
            await until("it is closed", () => dialog.isHidden());
            assertThat((await textOf(page, "#follow")) === "FOLLOWING", "keys are for the dialog alone");
            await page.keyboard.press("f");
            assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "now they are not");
            await page.keyboard.press("/");
            await page.keyboard.type("fGw?");
            assertThat((await page.locator("#search-text").inputValue()) === "fGw?", "typed, not obeyed");
            await page.keyboard.press("Escape");
            await until("the bar is closed", () => page.locator("#search").isHidden());
        },

        async log_does_what_was_asked_of_it_before_it_could(page) {
            let letGo = () => {};
            const held = new Promise((resolve) => (letGo = resolve));
            await page.route("**/log/tools.js", async (route) => {
                await held;
                await route.continue();
            });
            await openLog(page);
            const line = mark();
            append(line);
            await seen(page, line); // it follows without them
            await page.locator("#wrap").click();
            await page.locator("#fold").evaluate((button) => button.click());
            await page.keyboard.press("/");
            letGo();
            await until("the search bar", () => page.locator("#search").isVisible());
            assertThat((await page.locator("#wrap").getAttribute("aria-pressed")) === "false", "not wrapped");
        },

        log_speaks_chinese: withContext({ locale: "zh-CN" }, async (page) => {
            await openLog(page);
            assertThat((await textOf(page, "#follow")) === "跟随中", "it follows");
            assertThat((await textOf(page, "#search-open")) === "搜索", "markup");
            assertThat((await page.locator("html").getAttribute("lang")) === "zh-CN", "lang");
            await page.keyboard.press("?");
            await until("the dialog", () => page.locator("#help").isVisible());
            assertThat((await textOf(page, "#help-title")) === "键盘", "and what is made later");
            await page.screenshot({ path: join(artefacts, "log-zh.png") });
        }),

        log_can_be_read_in_forced_colours: withContext(
            { forcedColors: "active", colorScheme: "dark" },
            async (page) => {
                append(`ERROR ${mark()}`, `WARN ${mark()}`);
                await openWithLines(page, 2);
                await page.keyboard.press("/");
                await page.locator("#search-text").fill("mark");
                await until("hits", async () => (await page.locator("#rows mark").count()) > 0);
                const row = page.locator("#rows .log-row.error").last();
                const letter = await row.locator(".number").evaluate(
                    (element) => getComputedStyle(element, "::after").content + element.textContent
                );
                assertThat(/E/.test(letter), `a level is a letter, too: ${letter}`);
            }
        ),
    };
}
