// SPDX-License-Identifier: MIT
// readme: takes the pictures of the README, of pages that show what they were made for.

import { join } from "node:path";

const burstMs = 400;
const seconds = 12; // that the page of all streams has watched

/** A line of an application's log, as the n-th. */
function lineOf(n, isError = n % 41 === 19) {
    const time = new Date(Date.UTC(2026, 10, 21, 9, 30) + n * 317).toISOString();
    const ms = 3 + ((n * 7919) % 61);
    if (isError) {
        return `${time} ERROR upstream db-2 refused the connection, order ${1000 + n} is kept for later`;
    }
    if (n % 23 === 17) {
        return `${time} WARN  slow query: orders by customer took ${800 + ms} ms`;
    }
    if (n % 11 === 5) {
        return `${time} DEBUG cache: ${n % 7} of ${7 + (n % 5)} keys were there`;
    }
    const path = ["/orders", "/cart", "/login", "/search?q=tea", "/orders/status"][n % 5];
    return `${time} INFO  ${n % 4 ? "GET" : "POST"} ${path} ${n % 4 ? 200 : 201} ${ms} ms`;
}

/** @param {object} tools those of helpers.mjs */
export function readmeTests(tools) {
    const { append, artefacts, deadlineMs, openLog, pageUrl, seen, stateIs, until } = tools;

    async function shoot(page, name) {
        await page.screenshot({ path: join(artefacts, `readme-${name}.png`) });
    }

    async function shootLog(page, next) {
        await openLog(page);
        const lines = [next(), next(true), next(), next()];
        const last = lines.at(-1);
        append(...lines);
        await seen(page, last);
        await until("what is in it", async () =>
            /Error\s*\d/.test(await page.locator("main").innerText()));
        await shoot(page, "log");
    }

    async function shootPrices(page) {
        await page.goto(pageUrl("price.html"));
        await stateIs(page, "Live");
        await page.locator(".symbol").first().waitFor({ timeout: deadlineMs });
        await until("prices", async () => /\d/.test(await page.locator("tbody").first().innerText()));
        await shoot(page, "price");
    }

    async function shootChat(page) {
        await page.goto(pageUrl("chat.html", { stream: "guide" }));
        await until("somebody to ask", async () => (await page.locator("#stream option").count()) > 0);
        await page.locator("#question").fill("What is a gap?");
        await page.locator("#question").press("Enter");
        await until("some words", async () =>
            (await page.locator(".answer-text").textContent()).length > 400);
        await shoot(page, "chat");
    }

    return {
        async readme_pictures(page) {
            let count = 0;
            const next = (isError) => lineOf(count++, isError);
            const lines = (length) => Array.from({ length }, () => next());
            append(...lines(400));
            const begun = Date.now();
            await page.goto(pageUrl("index.html"));
            await stateIs(page, "Live");
            const busy = setInterval(
                () => append(...lines(1 + Math.round(3 * Math.sin(count / 9) ** 2))),
                burstMs
            );
            try {
                const other = await page.context().newPage();
                await shootPrices(other);
                await shootChat(other);
                await shootLog(other, next);
                await other.close();
                await until("bars", () => Date.now() - begun > seconds * 1000);
                await shoot(page, "index");
            } finally {
                clearInterval(busy);
            }
        },
    };
}
