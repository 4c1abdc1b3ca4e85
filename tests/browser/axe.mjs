// SPDX-License-Identifier: MIT
// axe: every page as axe-core judges it, in light, in dark on a small screen, in both languages, in
// forced colours; and what holds for all pages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const looks = [
    { name: "light", context: {} },
    { name: "dark_360", context: { colorScheme: "dark", viewport: { width: 360, height: 740 } } },
    { name: "chinese", context: { locale: "zh-CN", viewport: { width: 360, height: 740 } } },
    { name: "forced_colors", context: { forcedColors: "active" } },
];

/** What axe finds wrong with a page as it is now. The page's policy must be off (bypassCSP). */
export async function violationsOf(page) {
    await page.evaluate(axeSource);
    return page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
        return violations.map(({ id, help, nodes }) => {
            const where = nodes.slice(0, 4).map(({ target, any }) =>
                `${target} ${any[0]?.message ?? ""}`);
            return `${id}: ${help}: ${where.join("; ")}`;
        });
    });
}

/** @param {object} tools those of helpers.mjs */
export function axeTests(tools) {
    const { append, artefacts, assertThat, deadlineMs, logParams, pageUrl, stateIs, until } = tools;

    async function judge(page, what) {
        const found = await violationsOf(page);
        assertThat(found.length === 0, `${what}: ${found.join("\n")}`);
    }

    // Each page as lively as it gets: what there is to see is on the screen.
    const lively = {
        async index(page) {
            await page.goto(pageUrl("index.html"));
            await stateIs(page, "Live");
            await page.locator(".card-command").first().click();
        },
        async log(page) {
            await page.goto(pageUrl("log.html", logParams));
            await stateIs(page, "Live");
            append("2026-11-21T12:00:00Z ERROR red \u001B[31mred\u001B[0m", "WARN a", "INFO b", "DEBUG c",
                   '{"level":"error","msg":"json"}');
            await until("lines", async () => (await page.locator("#rows > *").count()) > 4);
        },
        async clock(page) {
            await page.goto(pageUrl("clock.html"));
            await stateIs(page, "Live");
            await until("a time", async () =>
                /^\d\d:\d\d:\d\d$/.test(await page.locator("#time").textContent()));
        },
        async price(page) {
            await page.goto(pageUrl("price.html"));
            await stateIs(page, "Live");
            await page.locator(".symbol").first().waitFor({ timeout: deadlineMs });
        },
        async topics(page) {
            await page.goto(pageUrl("topics.html", { room: "axe" }));
            await stateIs(page, "Live");
            await page.locator("#publish-text").fill("hello");
            await page.locator("#publish-text").press("Enter");
            await page.locator(".message").first().waitFor({ timeout: deadlineMs });
        },
        async chat(page) {
            await page.goto(pageUrl("chat.html", { stream: "ten" }));
            await until("somebody to ask", async () => (await page.locator("#stream option").count()) > 0);
            await page.locator("#question").fill("ten");
            await page.locator("#question").press("Enter");
            await until("the end", async () => (await page.locator(".answer").count()) > 0 &&
                (await page.locator(".answer[aria-busy]").count()) === 0);
        },
    };

    // Dialogs and menus are opened, too, as a reader would.
    async function judgeAll(page, name) {
        await lively[name](page);
        await judge(page, name);
        if (name === "log" && (await page.locator("dialog").count()) > 0) {
            await page.keyboard.press("?");
            await page.locator("dialog[open]").first().waitFor({ timeout: deadlineMs });
            await judge(page, `${name}, its keys`);
            await page.keyboard.press("Escape");
            await page.keyboard.press("/");
            await judge(page, `${name}, searching`);
            for (const menu of await page.locator("details:visible > summary").all()) {
                await menu.click();
                await judge(page, `${name}, with a menu`);
                await menu.click();
            }
        }
    }

    const tests = {};
    for (const { name: look, context } of looks) {
        const test = async (page) => {
            for (const name of Object.keys(lively)) {
                await judgeAll(page, name);
                const lang = await page.evaluate(() => document.documentElement.lang);
                assertThat(lang === (context.locale ?? "en"), `${name}: lang is ${lang}`);
                if (look !== "light") {
                    await page.screenshot({ path: join(artefacts, `${name}-${look}.png`) });
                }
            }
        };
        test.context = { ...context, bypassCSP: true };
        tests[`axe_finds_nothing_${look}`] = test;
    }

    // By the keyboard alone: everything that can be clicked has focus once, and shows it.
    tests.pages_can_be_used_by_the_keyboard = async (page) => {
        for (const name of Object.keys(lively)) {
            await lively[name](page);
            await page.evaluate(() => document.activeElement?.blur());
            const problems = await reachAll(page);
            assertThat(problems.length === 0, `${name}: ${problems.join("; ")}`);
        }
    };

    async function reachAll(page) {
        const wanted = await page.evaluate(() => {
            const all = [...document.querySelectorAll("a[href], button, select, input, textarea")];
            const visible = all.filter((each) => each.checkVisibility() && !each.disabled &&
                each.tabIndex >= 0 && each.getClientRects().length > 0);
            visible.forEach((each, i) => (each.dataset.testNumber = i));
            return visible.length;
        });
        const reached = new Set();
        const problems = [];
        for (let i = 0; i < 2 * wanted + 20 && reached.size < wanted; i++) {
            await page.keyboard.press("Tab");
            const { number, isShown } = await page.evaluate(() => {
                const it = document.activeElement;
                const around = it.closest(".ask-box") ?? it;
                const style = (each) => getComputedStyle(each);
                return { number: it.dataset.testNumber,
                         isShown: style(it).outlineStyle !== "none" ||
                             style(around).outlineStyle !== "none" };
            });
            if (number !== undefined && !reached.has(number)) {
                reached.add(number);
                isShown || problems.push(`no focus is shown on number ${number}`);
            }
        }
        if (reached.size < wanted) {
            const missed = await page.evaluate((numbers) =>
                [...document.querySelectorAll("[data-test-number]")]
                    .filter((each) => !numbers.includes(each.dataset.testNumber))
                    .map((each) => each.outerHTML.slice(0, 80)), [...reached]);
            problems.push(`not reached: ${missed.join(" ")}`);
        }
        return problems;
    }

    for (const [lang, look] of [["en", ""], ["zh-CN", "_in_chinese"]]) {
        const test = async (page) => {
            const titles = new Set();
            for (const name of Object.keys(lively)) {
                await page.goto(pageUrl(`${name}.html`));
                await until(`${name} in ${lang}`, () =>
                    page.evaluate((lang) => document.documentElement.lang === lang, lang));
                const says = await page.evaluate(() => ({
                    title: document.title,
                    head: document.querySelector("h1").textContent,
                    heads: document.querySelectorAll("h1").length,
                    current: document.querySelector("[aria-current=page]")?.getAttribute("href"),
                }));
                const isChinese = /\p{Script=Han}/u.test(says.head);
                assertThat(isChinese === (lang !== "en"), `${name}: h1 ${says.head}`);
                assertThat(/ · ssecgi$/.test(says.title), `${name}: title ${says.title}`);
                assertThat(says.heads === 1, `${name}: ${says.heads} h1`);
                assertThat(says.current === `${name}.html`, `${name}: current ${says.current}`);
                titles.add(says.title);
            }
            assertThat(titles.size === Object.keys(lively).length, `titles: ${[...titles]}`);
        };
        test.context = { locale: lang === "en" ? "en-US" : lang };
        tests[`pages_say_what_they_are${look}`] = test;
    }

    return tests;
}
