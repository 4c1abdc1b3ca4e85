// SPDX-License-Identifier: MIT
// run: opens the pages in Chromium as a reader would, against a running server. Prints TAP.
//
//     node run.mjs [--suite SUITE] [NAME or beginning of a name ...]     all tests, or those
//
// BASE_URL   where the pages are, such as http://127.0.0.1:8080/
// LOG_FILE   the file that the log stream follows; lines are appended to it
// LOG_STREAM the name of that stream (default: the first of the tail streams)
// FOLDER     where the other files of the test are (default: the folder of LOG_FILE)
// CONTROL    what kills and restarts the server, as test_browser.py does
// GATE       the stream "answer" says its first words, and the others when this file is there
// ARTEFACTS  the folder for screenshots (default: artefacts, here)
// CHROMIUM   the browser (default: /usr/bin/chromium)
//
// Exit status: 0 good, 1 a test failed, 77 can't run here (and why).

import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeHelpers } from "./helpers.mjs";

// Each has a module here that exports its tests: of "log", logTests. test_browser.py reads this line.
const suites = ["readme", "index", "log", "logview", "clock", "price", "topics", "chat", "axe"];

function skipAll(reason) {
    console.log(`1..0 # SKIP ${reason}`);
    process.exit(77);
}

const { BASE_URL, LOG_FILE, LOG_STREAM, FOLDER, CONTROL, ARTEFACTS, CHROMIUM } = process.env;
const browserPath = CHROMIUM || "/usr/bin/chromium";
const artefacts = ARTEFACTS || "artefacts";

if (!BASE_URL || !LOG_FILE) {
    skipAll("BASE_URL and LOG_FILE must be set");
}
if (!existsSync(browserPath)) {
    skipAll(`no browser at ${browserPath}`);
}
const playwright = await import("playwright-core").catch(() =>
    skipAll("playwright-core is not installed: npm ci")
);
mkdirSync(artefacts, { recursive: true });

const helpers = makeHelpers({
    baseUrl: BASE_URL, logFile: LOG_FILE, logStream: LOG_STREAM, folder: FOLDER || dirname(LOG_FILE),
    control: CONTROL, artefacts,
});
const { assertThat, deadlineMs, pageUrl } = helpers;

async function server_sends_the_policy() {
    const response = await fetch(pageUrl("log.html"));
    const policy = response.headers.get("content-security-policy") ?? "";
    assertThat(
        policy.includes("default-src 'none'") && policy.includes("require-trusted-types-for"),
        "no such header"
    );
}

// All tests by name, in order, or those of one suite, or those whose names begin so.
async function chooseTests([...args]) {
    const chosen = args[0] === "--suite" ? args.splice(0, 2)[1] : null;
    const beginnings = args;
    const tests = chosen === null || chosen === "index" ? { server_sends_the_policy } : {};
    for (const name of chosen === null ? suites : [chosen]) {
        try {
            const suite = await import(`./${name}.mjs`);
            Object.assign(tests, suite[`${name}Tests`](helpers));
        } catch (error) {
            tests[`${name}_tests_can_be_loaded`] = () => Promise.reject(error);
        }
    }
    const found = Object.entries(tests).filter(
        ([name]) => beginnings.length === 0 || beginnings.some((each) => name.startsWith(each))
    );
    assertThat(found.length > 0, `no test has such a name: ${beginnings.join(" ")}`);
    return found;
}

// What no page may do: log an error, throw, or meet the Content-Security-Policy.
function watch(page, faults) {
    page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") {
            faults.push(`console ${message.type()}: ${message.text()}`);
        }
    });
    page.on("pageerror", (error) => faults.push(`thrown: ${error.message}`));
}

// Each test has a context of its own (storage, workers), and all of its pages are watched.
// A test says by page.expectedFailures which faults are those that it made.
async function runTest(browser, name, test) {
    const context = await browser.newContext({
        colorScheme: "light",
        locale: "en-US",
        viewport: { width: 1280, height: 800 },
        ...test.context,
    });
    const faults = [];
    context.on("page", (page) => watch(page, faults));
    await context.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) =>
            console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)
        );
    });
    const page = await context.newPage();
    page.setDefaultTimeout(deadlineMs);
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

async function main() {
    const tests = await chooseTests(process.argv.slice(2));
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
    let failures = 0;
    console.log("TAP version 13");
    console.log(`1..${tests.length}`);
    for (const [i, [name, test]] of tests.entries()) {
        const begun = Date.now();
        const problem = await runTest(browser, name, test);
        failures += problem === null ? 0 : 1;
        console.log(`${problem === null ? "ok" : "not ok"} ${i + 1} - ${name}`);
        problem?.split("\n").forEach((line) => console.log(`# ${line}`));
        console.log(`# ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    }
    await browser.close();
    return failures;
}

process.exit((await main()) === 0 ? 0 : 1);
