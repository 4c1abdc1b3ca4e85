// SPDX-License-Identifier: MIT
// chat: the tests of the chat page. Its streams are "answer", which makes one answer at a time and
// lets one more wait, and "ten".

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const words = Array.from({ length: 40 }, (_, i) => `w${i + 1} `).join("");

/** @param {object} tools those of helpers.mjs */
export function chatTests({ artefacts, assertThat, baseUrl, pageUrl, textOf, until }) {
    const gate = process.env.GATE ?? "gate";

    // The answers wait after their first words, until the gate is open.
    const shut = () => rmSync(gate, { force: true });
    const open = () => writeFileSync(gate, "");

    const answerOf = async (page) => (await page.locator(".answer-text").last().textContent());
    const noteOf = async (page) => (await page.locator(".turn-note").last().textContent());

    async function openChat(page, params = {}) {
        await page.goto(pageUrl("chat.html", params));
        const streams = page.locator("#stream option");
        await until("somebody to ask", async () => (await streams.count()) > 0);
    }

    async function ask(page, question) {
        await page.locator("#question").fill(question);
        await page.locator("#question").press("Enter");
    }

    function begins(page) {
        return until("the first words", async () => (await answerOf(page)).includes("w5 "));
    }

    function ends(page) {
        return until("the end", async () =>
            (await page.locator(".answer[aria-busy]").count()) === 0 &&
            (await page.locator(".answer").count()) > 0
        );
    }

    function says(page, text) {
        return until(`"${text}"`, async () => (await noteOf(page)).includes(text));
    }

    async function completes(page, question) {
        open();
        await ends(page);
        const text = await answerOf(page);
        assertThat(text === `${question} ${words}`, `each word once, in order: ${text}`);
    }

    // An answer that the page is given the beginning of, as if the connection were lost then.
    async function beginElsewhere(question) {
        const url = new URL("events/answer", baseUrl);
        const response = await fetch(url, { method: "POST", body: question });
        let text = "";
        for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
            text += piece;
            if (text.includes("w5 ")) {
                break;
            }
        }
        return { url: response.headers.get("content-location"), text };
    }

    const eventStream = (body, headers = {}) => ({
        status: 200,
        headers: { "content-type": "text/event-stream", ...headers },
        body,
    });

    return {
        async chat_shows_words_as_they_come_and_a_reload_goes_on(page) {
            shut();
            await openChat(page);
            const question = "What is <b>bold</b>?";
            await ask(page, question);
            await begins(page);
            assertThat((await page.locator("#question").inputValue()) === "", "it was taken");
            await page.screenshot({ path: join(artefacts, "chat-words.png") });

            await page.reload();
            await begins(page);
            await completes(page, question);
            assertThat((await page.locator(".turn b").count()) === 0, "text stays text");
            assertThat((await textOf(page, "#said")).startsWith(question), "it is read out, at the end");

            await page.reload();
            await page.locator(".answer").first().waitFor();
            assertThat((await answerOf(page)) === `${question} ${words}`, "the conversation stays");
            await page.locator("#clear").click();
            assertThat((await page.locator(".turn").count()) === 0, "until it is cleared");
        },

        async chat_stops_an_answer_for_good(page) {
            shut();
            await openChat(page);
            await ask(page, "first");
            await begins(page);
            await page.keyboard.press("Escape");
            await says(page, "Stopped.");
            const record = await page.evaluate(() => sessionStorage.getItem("ssecgi.chat"));
            const { url } = JSON.parse(record)[0];
            await until("nothing is left of it", async () => {
                const response = await fetch(url);
                await response.body?.cancel();
                return response.status === 404;
            });
            await ask(page, "second");
            await begins(page);
            await page.locator("#stop").click();
            await until("both stopped", async () =>
                (await page.locator(".turn-note", { hasText: "Stopped." }).count()) === 2
            );
        },

        async chat_reads_on_when_the_connection_is_lost(page) {
            shut();
            await openChat(page);
            const begun = await beginElsewhere("lost");
            const half = `${begun.text}id: half\ndata: a block without an end`;
            await page.route("**/events/answer", (route) =>
                route.fulfill(eventStream(half, { "content-location": begun.url }))
            );
            // Another try that fails, before one that does not.
            let refused = 0;
            await page.route(`**${begun.url}`, (route) =>
                refused++ ? route.continue() : route.fulfill({ status: 503, body: "" })
            );
            await ask(page, "lost");
            await says(page, "Reading on");
            await until("two tries", () => refused > 1);
            await completes(page, "lost");
            page.expectedFailures = /503/;
        },

        async chat_shows_the_place_in_the_queue(page) {
            shut();
            await openChat(page);
            await ask(page, "first");
            await begins(page);
            const second = await page.context().newPage();
            const third = await page.context().newPage();
            await openChat(second);
            await ask(second, "second");
            await says(second, "Place 1 in the queue");
            await second.screenshot({ path: join(artefacts, "chat-queue.png") });
            await openChat(third);
            await ask(third, "third");
            await says(third, "Too many questions are being answered now");
            await second.reload();
            await says(second, "Place 1 in the queue");
            await completes(page, "first");
            await completes(second, "second");
            page.expectedFailures = /429/;
        },

        async chat_says_what_went_wrong_in_a_sentence(page) {
            await openChat(page);
            await ask(page, "x".repeat(2000));
            await says(page, "The question is too long");

            const answers = [
                [{ status: 503, headers: { "retry-after": "7" }, body: '{"error": "it sleeps"}' },
                    "The server can't answer now: it sleeps. Ask again in 7 s."],
                [eventStream(
                    'id: 1\ndata: half an\n\nid: 2\nevent: stream.gap\ndata: {"reason":"interrupted"}\n\n' +
                        'id: 3\nevent: stream.end\ndata: {"reason":"interrupted"}\n\n',
                    { "content-location": "/events/answer/0" }),
                    "The answer was interrupted"],
                [eventStream(
                    'event: chat.error\ndata: {"reason":"rate-limited","detail":"no more for now"}\n\n' +
                        'event: stream.end\ndata: {"status":"error","reason":"rate-limited"}\n\n',
                    { "content-location": "/events/answer/0" }),
                    "It failed: no more for now."],
            ];
            let next = null;
            await page.route("**/events/answer", (route) =>
                next ? route.fulfill(next) : route.abort()
            );
            for (const [response, sentence] of answers) {
                next = response;
                await ask(page, "well?");
                await says(page, sentence);
            }
            next = null;
            await ask(page, "well?");
            await says(page, "The connection was lost before an answer came");
            page.expectedFailures = /413|503|ERR_FAILED/;
        },

        async chat_shows_ten_messages_and_their_end(page) {
            await openChat(page);
            await page.locator("#ten").click();
            const has = async (text) => (await answerOf(page)).includes(text);
            await until("ten messages", () => has("message 10 of 10"));
            await ends(page);
            const lines = (await answerOf(page)).trimEnd().split("\n");
            assertThat(lines.length === 10, `ten lines: ${lines}`);
            assertThat((await noteOf(page)) === "", "nothing is wrong");

            const record = await page.evaluate(() => sessionStorage.getItem("ssecgi.chat"));
            const { url } = JSON.parse(record)[0];
            let again = 0;
            page.on("request", (request) => (again += request.url() === url ? 1 : 0));
            await page.reload();
            await until("it is there again", () => has("10 of 10"));
            assertThat(again === 0, "what has ended is not asked for");
        },

        async chat_talks_with_a_language_model(page) {
            const list = await (await fetch(new URL("events/", baseUrl))).json();
            if (!list.streams.some((stream) => stream.name === "model")) {
                return; // the module is not built
            }
            const bodies = [];
            page.on("request", (request) => {
                if (request.method() === "POST") {
                    bodies.push(request.postDataJSON());
                }
            });
            for (const stream of ["model", "library"]) {
                await openChat(page, { stream });
                await ask(page, "hi");
                await ends(page);
                const text = await answerOf(page);
                assertThat(text === " blank\nline \u00fc", `of ${stream}: ${JSON.stringify(text)}`);
            }
            await openChat(page, { stream: "model" });
            await ask(page, "and?");
            await ends(page);
            const contents = bodies.at(-1).messages.map((message) => message.content);
            assertThat(contents.join("|") === "hi| blank\nline \u00fc|and?", "it is told what was said");
            await says(page, "10 tokens");
            for (const stream of ["failing", "failing-library"]) {
                await openChat(page, { stream });
                await ask(page, "hi");
                await says(page, "Ask again in 7 s.");
                await ends(page);
            }
        },

        async chat_sends_with_enter_and_breaks_lines_with_shift(page) {
            open();
            await openChat(page, { stream: "answer" });
            const box = page.locator("#question");
            await box.press("Enter");
            assertThat((await page.locator(".turn").count()) === 0, "nothing is not sent");
            await box.pressSequentially("two");
            await box.press("Shift+Enter");
            await box.pressSequentially("lines");
            await box.press("Enter");
            await completes(page, "two\nlines");
            const focused = await page.evaluate(() => document.activeElement.id);
            assertThat(focused === "question", "the next one can be typed");
        },

        async chat_fits_a_narrow_screen_and_the_dark(page) {
            open();
            await page.emulateMedia({ colorScheme: "dark" });
            await page.setViewportSize({ width: 360, height: 740 });
            await openChat(page);
            const question = `${"long".repeat(40)} and short`;
            await ask(page, question);
            await completes(page, question);
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            assertThat(width <= 360, `the page is ${width} pixels wide`);
            await page.screenshot({ path: join(artefacts, "chat-dark-360.png") });
            await page.emulateMedia({ forcedColors: "active" });
            await page.screenshot({ path: join(artefacts, "chat-forced-colors.png") });
        },
    };
}
