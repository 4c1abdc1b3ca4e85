// SPDX-License-Identifier: MIT
// logview: the tests of the log page's rows: scrolling, the rail, exact copies, long lines, keys.

const windowRows = 200; // as in the page
const scrollPx = 300;
const scrollSteps = 24;
const longChars = 200000; // of which the source keeps 64 KiB

/** @param {object} tools those of helpers.mjs */
export function logviewTests(tools) {
    const { append, assertThat, mark, openLog, seen, textOf, until } = tools;

    async function openWith(page, lines) {
        append(...lines);
        await openLog(page);
        await seen(page, lines.at(-1).slice(0, 40));
        await until("the rail is there", () => page.locator("#rail .thumb").count());
    }

    // Scrolls by hand so far, and tells how much the row that was in the middle has moved.
    function moveBy(page, px) {
        return page.evaluate(async (distance) => {
            const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
            const view = document.getElementById("view");
            const box = view.getBoundingClientRect();
            const under = document.elementFromPoint(box.left + 90, box.top + box.height / 2);
            const row = under.closest(".log-row");
            const text = row.querySelector(".text").textContent;
            const before = row.getBoundingClientRect().top;
            view.scrollTop += distance;
            await frame();
            await frame();
            const rows = [...document.querySelectorAll("#rows .log-row")];
            const same = rows.find((each) => each.querySelector(".text").textContent === text);
            return { moved: same.getBoundingClientRect().top - before, rows: rows.length };
        }, px);
    }

    // Selects what is between two places in the rows' texts, and copies it. Once more when the rows
    // were filled anew meanwhile: the selection is gone then.
    function copyBetween(page, start, end) {
        return until("a copy", () => copyOnce(page, start, end));
    }

    async function copyOnce(page, [startRow, startText], [endRow, endText]) {
        await page.evaluate(async ([first, from, last, to]) => {
            await navigator.clipboard.writeText("");
            const nodesOf = (text) => {
                const row = [...document.querySelectorAll("#rows .log-row .text")].find((each) =>
                    each.textContent.includes(text)
                );
                const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
                const nodes = [];
                while (walker.nextNode()) {
                    nodes.push(walker.currentNode);
                }
                return nodes;
            };
            const start = nodesOf(first).find((node) => node.data.includes(from));
            const end = nodesOf(last).find((node) => node.data.includes(to));
            const selection = getSelection();
            selection.setBaseAndExtent(
                start, start.data.indexOf(from), end, end.data.indexOf(to) + to.length
            );
        }, [startRow, startText, endRow, endText]);
        await page.keyboard.press("Control+c");
        return page.evaluate(() => navigator.clipboard.readText());
    }

    const copies = {
        async log_view_copies_what_the_log_has(page) {
            const id = mark();
            const coloured = `${id} \u001b[31mred\u001b[0m tail\u0007\u202e end`;
            const lines = [coloured, `${id} second`, `${mark()} third`];
            await openWith(page, lines);
            await until("colours", () => page.locator("#rows .f1").count());

            const part = await copyBetween(page, [`${id} red`, "ed"], [`${id} red`, "tai"]);
            assertThat(part === "ed\u001b[0m tai", `a part: ${JSON.stringify(part)}`);
            const end = await copyBetween(page, [`${id} red`, "l"], [`${id} red`, " end"]);
            assertThat(end === "l\u0007\u202e end", `controls: ${JSON.stringify(end)}`);
            const rows = await copyBetween(page, [`${id} red`, "tail"], [lines[2], "third"]);
            assertThat(rows === lines.join("\n"), `whole lines: ${JSON.stringify(rows)}`);
            assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "selecting pauses");
        },
    };
    copies.log_view_copies_what_the_log_has.context = {
        permissions: ["clipboard-read", "clipboard-write"],
    };

    return {
        ...copies,

        async log_view_scrolls_without_a_jump(page) {
            const lines = Array.from({ length: 900 }, (_, i) => `${mark()} ${"x".repeat((i * 37) % 500)}`);
            await openWith(page, lines);
            const steps = [...Array(scrollSteps).fill(-scrollPx), ...Array(scrollSteps / 2).fill(scrollPx)];
            for (const step of steps) {
                const { moved, rows } = await moveBy(page, step);
                assertThat(Math.abs(moved + step) <= 1, `the rows move by ${-step}: ${moved}`);
                assertThat(rows <= windowRows, `${rows} rows in the page`);
            }
        },

        async log_view_reaches_any_place_by_the_rail(page) {
            const lines = Array.from({ length: 900 }, (_, i) => `${mark()} row ${i}`);
            await openWith(page, lines);
            const rail = page.locator("#rail");
            const box = await rail.boundingBox();
            const now = async () => Number(await rail.getAttribute("aria-valuenow"));
            const go = async (part) => page.mouse.click(box.x + 8, box.y + box.height * part);
            assertThat((await now()) === 100, "at the end");

            await go(0.5);
            await until("the middle", async () => Math.abs((await now()) - 50) <= 3);
            assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "the rail pauses");
            const thumb = await page.locator("#rail .thumb").boundingBox();
            await page.mouse.move(thumb.x + 4, thumb.y + thumb.height / 2);
            await page.mouse.down();
            await page.mouse.move(thumb.x + 4, box.y + box.height * 0.8, { steps: 8 });
            await until("further down", async () => (await now()) >= 75);
            await page.mouse.move(thumb.x + 4, box.y + box.height + 50, { steps: 4 });
            await page.mouse.up();
            await until("following", async () => (await textOf(page, "#follow")) === "FOLLOWING");

            await rail.focus();
            await page.keyboard.press("PageUp");
            await until("a page up", async () => (await now()) < 100);
            await page.keyboard.press("End");
            await until("following", async () => (await textOf(page, "#follow")) === "FOLLOWING");
        },

        async log_view_gives_the_numbers_one_tab_stop(page) {
            const lines = Array.from({ length: 60 }, mark);
            await openWith(page, lines);
            await page.locator("#follow").click();
            const stops = page.locator('#rows .number[tabindex="0"]');
            await until("one stop", async () => (await stops.count()) === 1);
            await stops.focus();
            const first = Number(await stops.textContent());
            await page.keyboard.press("ArrowDown");
            await page.keyboard.press("ArrowDown");
            assertThat(Number(await stops.textContent()) === first + 2, "two lines down");
            await page.keyboard.press("Enter");
            await page.keyboard.press("ArrowDown");
            await page.keyboard.press("Shift+Enter");
            const selected = await page.locator("#rows .selected .number").allTextContents();
            assertThat(selected.join() === `${first + 2},${first + 3}`, `selected: ${selected}`);
        },

        async log_view_shows_a_long_line_in_pieces(page) {
            const id = mark();
            await openWith(page, [`${id} ${"y".repeat(longChars)}`, mark()]);
            const row = page.locator("#rows .log-row", { hasText: id });
            const length = async () => (await row.locator(".text").textContent()).length;
            await until("its size", async () => (await row.locator(".rest").count()) === 1);
            assertThat((await length()) <= 4096, "it is cut");
            const size = await row.locator(".rest").textContent();
            assertThat(/64 KiB in all/.test(size), `its size: ${size}`);
            await page.locator("#follow").click();
            await row.locator(".more").click();
            await until("more of it", async () => (await length()) === 32768);
            await row.locator(".more").click();
            await until("still more", async () => (await length()) === 65536);
            await row.locator(".more").click();
            await until("all of it", async () => (await row.locator(".more").count()) === 0);
            assertThat((await length()) > 65536, "the whole line, and what the source says of it");
            const [file] = await Promise.all([
                page.waitForEvent("download"),
                row.locator(".save").click(),
            ]);
            assertThat(file.suggestedFilename() === "line.txt", "it comes as a file");
            await row.locator(".less").click();
            await until("less again", async () => (await length()) <= 4096);
        },
    };
}
