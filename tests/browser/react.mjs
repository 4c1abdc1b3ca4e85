// SPDX-License-Identifier: MIT
// react: the tests of the React page, and so of the hook useStream.

import { join } from "node:path";
import { violationsOf } from "./axe.mjs";

const keepMessages = 500; // as in page.jsx

/** @param {object} tools those of helpers.mjs */
export function reactTests(tools) {
    const { append, artefacts, assertThat, baseUrl, control, mark, pageUrl, stateIs, until } = tools;

    const rows = (page) => page.locator(".messages [data-position]").allTextContents();

    async function open(page, stream = "app") {
        await page.goto(pageUrl("react/", { stream }));
        await stateIs(page, "Live");
    }

    const seen = (page, text) =>
        until(`a message ${text}`, async () => (await rows(page)).includes(text));

    async function eachOnce(page, lines) {
        const ours = (await rows(page)).filter((text) => lines.includes(text));
        assertThat(ours.join() === lines.join(), `each once and in order: ${ours}`);
    }

    async function readersAre(stream, count) {
        await until(`${count} readers of ${stream}`, async () => {
            const list = await (await fetch(new URL("events/", baseUrl))).json();
            return list.streams.find((info) => info.name === stream).readers === count;
        });
    }

    async function react_speaks_chinese(page) {
        await open(page, "clock");
        assertThat((await page.locator("html").getAttribute("lang")) === "zh-CN", "html lang");
        assertThat((await page.locator("h1").textContent()) === "消息", "the heading");
        const state = await page.locator(".state-word").textContent();
        assertThat(!/[a-z]/i.test(state), `the state: ${state}`);
    }
    react_speaks_chinese.context = { locale: "zh-CN" };

    async function axe_finds_nothing(page) {
        append(mark());
        await open(page);
        await page.locator(".messages > *").first().waitFor();
        const found = await violationsOf(page);
        assertThat(found.length === 0, found.join("; "));
    }
    // axe is a script of others, which the policy keeps out.
    const react_has_nothing_that_axe_finds = (page) => axe_finds_nothing(page);
    react_has_nothing_that_axe_finds.context = { bypassCSP: true };
    const react_has_nothing_that_axe_finds_in_the_dark = (page) => axe_finds_nothing(page);
    react_has_nothing_that_axe_finds_in_the_dark.context = {
        bypassCSP: true, colorScheme: "dark", viewport: { width: 360, height: 740 } };

    return {
        // A line is appended only after the one before was seen.
        async react_shows_each_message_as_it_comes(page) {
            await open(page);
            const lines = [];
            for (let i = 0; i < 5; i++) {
                lines.push(mark());
                append(lines.at(-1));
                await seen(page, lines.at(-1));
            }
            await eachOnce(page, lines);
        },

        async react_renders_at_most_once_a_frame_and_keeps_few(page) {
            await open(page);
            await page.evaluate(() => {
                window.frames = 0;
                window.renders = 0;
                const count = () => {
                    window.frames++;
                    requestAnimationFrame(count);
                };
                requestAnimationFrame(count);
                new MutationObserver(() => window.renders++).observe(
                    document.querySelector(".messages"), { childList: true });
            });
            const lines = Array.from({ length: 5000 }, mark);
            append(...lines);
            await seen(page, lines.at(-1));
            const { frames, renders } = await page.evaluate(() => ({
                frames: window.frames, renders: window.renders }));
            assertThat(renders <= frames + 1, `${renders} renders in ${frames} frames`);
            assertThat((await rows(page)).length <= keepMessages, "no more than are kept");
            await eachOnce(page, lines.slice(-keepMessages));
        },

        async react_goes_on_after_the_responder_was_killed(page) {
            await open(page);
            const lines = [mark()];
            append(lines[0]);
            await seen(page, lines[0]);
            for (let i = 0; i < 2; i++) {
                await control("kill-responder");
                lines.push(mark(), mark());
                append(...lines.slice(-2));
                await seen(page, lines.at(-1));
            }
            await stateIs(page, "Live");
            await eachOnce(page, lines);
            page.expectedFailures = /Failed to load resource|net::ERR/;
        },

        async react_pauses_and_reads_on_from_there(page) {
            await open(page);
            const lines = [mark()];
            append(lines[0]);
            await seen(page, lines[0]);
            const pause = page.getByRole("button", { name: "Pause" });
            await pause.click();
            await stateIs(page, "Held");
            await readersAre("app", 0);
            lines.push(mark(), mark());
            append(...lines.slice(1));
            await pause.click();
            await seen(page, lines.at(-1));
            await eachOnce(page, lines);
            await page.getByRole("button", { name: "Clear" }).click();
            await until("nothing is shown", async () => (await rows(page)).length === 0);
            append(mark());
            await until("the next message", async () => (await rows(page)).length === 1);
        },

        // Development's double effects open nothing twice, and what is left is closed.
        async react_reads_one_stream_at_a_time(page) {
            await open(page);
            append(mark());
            await readersAre("app", 1);
            const names = await page.locator("select option").allTextContents();
            assertThat(names.includes("clock") && !names.includes("rooms/*"), `among ${names}`);
            await page.locator("select").first().selectOption("clock");
            await readersAre("app", 0);
            await readersAre("clock", 1);
            await until("the time", async () => (await rows(page)).some((text) =>
                text.includes("epoch_ms")));
            assertThat((await rows(page)).every((text) => text.includes("epoch_ms")),
                "nothing of the other stream");
            await page.goto("about:blank");
            await readersAre("clock", 0);
        },

        async react_shows_a_gap_in_its_place(page) {
            await open(page);
            const before = mark();
            append(before);
            await seen(page, before);
            await control("truncate");
            const after = mark();
            append(after);
            await seen(page, after);
            const texts = await page.locator(".messages > *").allTextContents();
            const gap = texts.findIndex((text) => text.startsWith("Gap: truncated"));
            assertThat(texts.indexOf(before) < gap && gap < texts.indexOf(after), `${texts}`);
        },

        async react_shows_hostile_text_as_text(page) {
            await open(page);
            const line = `${mark()} <img src=x onerror="document.title='taken'"> <b>x</b>`;
            append(line);
            await seen(page, line);
            assertThat((await page.locator(".messages > * *").count()) === 0, "no element of it");
        },

        async react_fits_a_narrow_screen_and_the_dark(page) {
            await page.emulateMedia({ colorScheme: "dark" });
            await page.setViewportSize({ width: 360, height: 740 });
            append("x".repeat(3000));
            await open(page);
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            assertThat(width <= 360, `the page is ${width} pixels wide`);
            await page.screenshot({ path: join(artefacts, "react-dark-360.png") });
        },

        react_has_nothing_that_axe_finds,
        react_has_nothing_that_axe_finds_in_the_dark,
        react_speaks_chinese,
    };
}
