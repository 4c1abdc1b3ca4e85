// SPDX-License-Identifier: MIT
// run: opens the pages in Chromium as a reader would, against a running server. Prints TAP.
//
// BASE_URL   where the pages are, such as http://127.0.0.1:8080/
// LOG_FILE   the file that the log stream follows; lines are appended to it
// LOG_STREAM the name of that stream (default: the first of the tail streams)
// GATE       the stream "answer" says its first words, and the others when this file is there
// ARTEFACTS  the folder for screenshots (default: artefacts, here)
// CHROMIUM   the browser (default: /usr/bin/chromium)
//
// Exit status: 0 good, 1 a test failed, 77 can't run here (and why).

import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chatTests } from "./chat.mjs";

const deadlineMs = 30000;
const pollMs = 50;
const windowRows = 200; // as in logview.js
const manyLines = 1000;

function skipAll(reason) {
    console.log(`1..0 # SKIP ${reason}`);
    process.exit(77);
}

const baseUrl = process.env.BASE_URL;
const logFile = process.env.LOG_FILE;
const browserPath = process.env.CHROMIUM || "/usr/bin/chromium";
const artefacts = process.env.ARTEFACTS || "artefacts";

if (!baseUrl || !logFile) {
    skipAll("BASE_URL and LOG_FILE must be set");
}
if (!existsSync(browserPath)) {
    skipAll(`no browser at ${browserPath}`);
}
const playwright = await import("playwright-core").catch(() =>
    skipAll("playwright-core is not installed: npm ci")
);
mkdirSync(artefacts, { recursive: true });

function pageUrl(page, params = {}) {
    const url = new URL(page, baseUrl);
    for (const [key, value] of Object.entries(params)) {
        url.searchParams.set(key, value);
    }
    return url.href;
}

const logParams = process.env.LOG_STREAM ? { stream: process.env.LOG_STREAM } : {};

function append(...lines) {
    appendFileSync(logFile, lines.map((line) => `${line}\n`).join(""));
}

// Other lines may come in between (the log may be the server's own): ours are unmistakable.
let markCount = 0;
function mark() {
    markCount++;
    return `mark-${process.pid}-${Date.now()}-${markCount}-end`;
}

async function until(what, condition) {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        if (Date.now() > deadline) {
            throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
}

function assertThat(condition, what) {
    if (!condition) {
        throw new Error(what);
    }
}

function textOf(page, selector) {
    return page.locator(selector).first().textContent();
}

function rowsWith(page, text) {
    return page.locator("#rows .text", { hasText: text });
}

function seen(page, text) {
    return until(`a row with ${text}`, async () => (await rowsWith(page, text).count()) > 0);
}

function stateIs(page, word) {
    return until(`state ${word}`, async () => (await textOf(page, ".state-word")) === word);
}

async function openLog(page) {
    await page.goto(pageUrl("log.html", logParams));
    await stateIs(page, "Live");
}

// A page that has read what there is: it is told how many read each room then.
async function openTopics(page, ...names) {
    await page.goto(`${pageUrl("topics.html")}?${names.map((name) => `room=${name}`).join("&")}`);
    await stateIs(page, "Live");
}

function messages(page) {
    return page.locator(".message-text").allTextContents();
}

const tests = {
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
        assertThat((await rowsWith(page, lines[0]).count()) === 0, "they are not shown yet");
        await page.screenshot({ path: join(artefacts, "log-paused.png") });

        await page.locator("#newest").click();
        await seen(page, lines.at(-1));
        assertThat((await textOf(page, "#follow")) === "FOLLOWING", "following again");
        const shown = await page.locator("#rows .text").allTextContents();
        const ours = shown.filter((text) => lines.includes(text));
        assertThat(ours.join() === lines.join(), "each waiting line once, in order");
    },

    async log_keeps_few_rows_in_the_page_and_scrolls_back_to_the_rest(page) {
        await openLog(page);
        const lines = Array.from({ length: manyLines }, mark);
        append(...lines);
        await seen(page, lines.at(-1));
        const count = () => page.locator("#rows .log-row").count();
        assertThat((await count()) <= windowRows, "rows after many lines");

        await page.locator("#view").hover();
        await until("the first of them, by scrolling up", async () => {
            await page.mouse.wheel(0, -2000);
            return (await rowsWith(page, lines[0]).count()) > 0;
        });
        assertThat((await count()) <= windowRows, "rows after scrolling up");
        assertThat((await textOf(page, "#follow")).startsWith("PAUSED"), "scrolling up pauses");

        await until("following, by scrolling down", async () => {
            await page.mouse.wheel(0, 2000);
            return (await textOf(page, "#follow")) === "FOLLOWING";
        });
        assertThat((await rowsWith(page, lines.at(-1)).count()) === 1, "the last is shown again");
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
            `${id} ${"x".repeat(100000)} last`,
        ];
        append(...hostile, `${id} done`);
        await seen(page, `${id} done`);
        const texts = await rowsWith(page, id).allTextContents();
        assertThat(texts.length === hostile.length + 1, "one row for each line");
        for (const [i, line] of hostile.slice(0, 4).entries()) {
            assertThat(texts[i] === line, `shown as it is: ${line}`);
        }
        assertThat(!/[\u001b\u0007\u202e]/.test(texts[4]), "no control character in the page");
        const elements = await page.locator("#rows :not(div, span)").count();
        assertThat(elements === 0, "no element of theirs");
        assertThat((await page.title()) === title, "the title is ours");
        await page.screenshot({ path: join(artefacts, "log-hostile.png") });
    },

    async log_resumes_without_loss_after_the_network_was_gone(page) {
        await openLog(page);
        const first = mark();
        append(first);
        await seen(page, first);
        const events = "**/events/**";
        await page.route(events, (route) => route.fulfill({ status: 503, body: "" }));
        await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
        await page.evaluate(() =>
            dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))
        );
        await stateIs(page, "Retrying");
        const missed = [mark(), mark(), mark()];
        append(...missed);
        await page.unroute(events);
        await stateIs(page, "Live");
        await seen(page, missed.at(-1));
        const shown = await page.locator("#rows .text").allTextContents();
        const ours = [first, ...missed];
        assertThat(
            shown.filter((text) => ours.includes(text)).join() === ours.join(),
            "each line once, in order"
        );
        page.expectedFailures = /503/;
    },

    async clock_shows_the_time(page) {
        await page.goto(pageUrl("clock.html"));
        await stateIs(page, "Live");
        const time = () => textOf(page, "#time");
        await until("a time", async () => /^\d\d:\d\d:\d\d$/.test(await time()));
        const first = await time();
        await until("another time", async () => (await time()) !== first);
        await until("jitter", async () => /\d/.test(await textOf(page, "#jitter")));
    },

    async price_shows_prices_and_a_line(page) {
        await page.goto(pageUrl("price.html"));
        await stateIs(page, "Live");
        await page.locator(".symbol").first().waitFor({ timeout: deadlineMs });
        await until("a price", async () => /\d\.\d\d$/.test(await textOf(page, ".symbol-price")));
        const symbol = await textOf(page, ".symbol-name");
        assertThat((await textOf(page, "#chart-title")) === symbol, "the first symbol is shown");
        await page.locator("#spans button").first().click();
    },

    async topics_shows_what_is_published_and_who_reads(page) {
        await openTopics(page, "lobby", "help");
        const other = await page.context().newPage();
        await openTopics(other, "lobby");
        const lobby = page.locator(".room", { hasText: "lobby" });
        await until("two readers", async () => (await lobby.textContent()).includes("2 readers"));
        const line = `${mark()} <b>not bold</b>`;
        await other.locator("#publish-text").fill(line);
        await other.locator("#publish button").click();
        for (const each of [page, other]) {
            await until("the message", async () => (await messages(each)).includes(line));
        }
        assertThat((await other.locator("#publish-text").inputValue()) === "", "it was taken");
        await page.locator("#publish-room").selectOption("rooms/help");
        const question = mark();
        await page.locator("#publish-text").fill(question);
        await page.locator("#publish-text").press("Enter");
        await until("the question", async () => (await messages(page)).includes(question));
        assertThat(!(await messages(other)).includes(question), "the other does not read that room");
        assertThat((await page.locator("#messages b").count()) === 0, "text stays text");

        await page.locator("#join-name").fill("tea");
        await page.locator("#join button").click();
        await until("a third room", async () => (await page.locator(".room").count()) === 3);
        await stateIs(page, "Live");
        await other.close();
        await until("one reader", async () => (await lobby.textContent()).includes("1 reader"));
        const all = await messages(page);
        assertThat(all.filter((text) => text === line).length === 1, "nothing comes twice");
    },

    async topics_shows_gaps_and_refusals(page) {
        await openTopics(page, "lobby");
        await page.route("**/events/rooms/lobby", (route) =>
            route.fulfill({ status: 429, contentType: "application/json",
                            body: '{"error": "too many events"}' })
        );
        await page.locator("#publish-text").fill("kept");
        await page.locator("#publish button").click();
        await until("the reason", async () =>
            (await textOf(page, "#answer")).includes("too many events")
        );
        assertThat((await page.locator("#publish-text").inputValue()) === "kept", "the text is kept");
        const gap = '{"stream":"rooms/lobby","reason":"expired","events":3}';
        await page.route("**/events/?*", (route) =>
            route.fulfill({ status: 200, contentType: "text/event-stream",
                            body: `event: stream.gap\ndata: ${gap}\n\n` })
        );
        await page.goto(pageUrl("topics.html"));
        await until("the gap", async () =>
            (await messages(page)).some((text) => text.includes("expired, 3 events missing"))
        );
        page.expectedFailures = /429/;
    },

    async index_lists_the_streams_with_their_state(page) {
        await page.goto(baseUrl);
        await page.locator(".card").first().waitFor({ timeout: deadlineMs });
        await stateIs(page, "Live");
        const list = await (await fetch(new URL("events/", baseUrl))).json();
        const names = await page.locator(".card-link").allTextContents();
        assertThat(
            names.join() === list.streams.map((stream) => stream.name).join(),
            "a card for each stream"
        );
        const href = (name) =>
            page.locator(".card-link", { hasText: name }).first().getAttribute("href");
        assertThat((await href("answer")) === "chat.html?stream=answer", "one that answers is asked");
        assertThat((await href("app")) === "log.html?stream=app", "a log is read");
    },

    async log_offers_only_streams_that_can_be_read(page) {
        await openLog(page);
        const names = await page.locator("#stream option").allTextContents();
        assertThat(names.includes("clock"), `among ${names}`);
        for (const other of ["answer", "ten", "rooms/*"]) {
            assertThat(!names.includes(other), `${other} can't be read`);
        }
    },

    ...chatTests({ artefacts, assertThat, baseUrl, pageUrl, textOf, until }),
};

for (const name of ["index", "log", "clock", "price", "topics"]) {
    tests[`${name}_fits_a_narrow_screen_and_the_dark`] = async (page) => {
        await page.emulateMedia({ colorScheme: "dark" });
        await page.setViewportSize({ width: 360, height: 740 });
        await page.goto(pageUrl(`${name}.html`, name === "log" ? logParams : {}));
        await stateIs(page, "Live");
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assertThat(width <= 360, `the page is ${width} pixels wide`);
        await page.screenshot({ path: join(artefacts, `${name}-dark-360.png`) });
    };
}

// What no page may do: log an error, throw, or meet the Content-Security-Policy.
function watch(page, faults) {
    page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") {
            faults.push(`console ${message.type()}: ${message.text()}`);
        }
    });
    page.on("pageerror", (error) => faults.push(`thrown: ${error.message}`));
    return page.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) =>
            console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)
        );
    });
}

async function runTest(browser, name, test) {
    const context = await browser.newContext({
        colorScheme: "light",
        viewport: { width: 1280, height: 800 },
    });
    const page = await context.newPage();
    page.setDefaultTimeout(deadlineMs);
    const faults = [];
    await watch(page, faults);
    try {
        await test(page);
        await page.screenshot({ path: join(artefacts, `${name}.png`) });
        const unexpected = faults.filter((fault) => !page.expectedFailures?.test(fault));
        assertThat(unexpected.length === 0, unexpected.join("; "));
        return null;
    } catch (error) {
        await page.screenshot({ path: join(artefacts, `${name}-failed.png`) }).catch(() => {});
        return [error.message, ...faults].join("\n");
    } finally {
        await context.close();
    }
}

async function policyIsSent() {
    const response = await fetch(pageUrl("log.html"));
    const policy = response.headers.get("content-security-policy") ?? "";
    return policy.includes("default-src 'none'") && policy.includes("require-trusted-types-for");
}

async function main() {
    const browser = await playwright.chromium.launch({
        executablePath: browserPath,
        args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    });
    const names = Object.keys(tests);
    let number = 0;
    let failures = 0;
    const report = (name, problem) => {
        number++;
        failures += problem === null ? 0 : 1;
        console.log(`${problem === null ? "ok" : "not ok"} ${number} - ${name}`);
        problem?.split("\n").forEach((line) => console.log(`# ${line}`));
    };

    console.log("TAP version 13");
    console.log(`1..${names.length + 1}`);
    report("server_sends_the_policy", (await policyIsSent()) ? null : "no such header");
    for (const name of names) {
        report(name, await runTest(browser, name, tests[name]));
    }
    await browser.close();
    return failures;
}

process.exit((await main()) === 0 ? 0 : 1);
