// SPDX-License-Identifier: MIT
// lang: the catalogues have every text of the pages, and nothing else.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const html = resolve(dirname(fileURLToPath(import.meta.url)), "../../html");
const catalogues = join(html, "lang", "zh-CN");
const pages = readdirSync(html)
    .filter((name) => name.endsWith(".html"))
    .map((name) => name.slice(0, -".html".length));

// Words of the server, or of the module that knows no language: they stand in no call of t().
const fromServer = [
    "expired", "late", "rotated-away", "truncated", "unreadable", "damaged", "hole", "too-large",
    "no-memory", "filter-limit", "unknown-position", "deleted", "replaced", "restarted", "interrupted",
];

const signs = ["ssecgi", "Aa"]; // the same in every language

const clean = (text) => text.trim().replace(/\s+/g, " ");
const literal = /^"(?:[^"\\\n]|\\.)*"/;

/** What a call is given, up to the `)` that ends it: [{text, start}], comments left in. */
function argumentsAt(source, start) {
    const found = [];
    let depth = 0;
    let begun = start;
    for (let i = start; i < source.length; i++) {
        const quote = source[i];
        if (quote === '"' || quote === "'" || quote === "`") {
            do {
                i += source[i] === "\\" ? 2 : 1;
            } while (i < source.length && source[i] !== quote);
        } else if ("([{".includes(quote)) {
            depth++;
        } else if (")]}".includes(quote) && depth-- === 0) {
            return [...found, source.slice(begun, i).trim()];
        } else if (quote === "," && depth === 0) {
            found.push(source.slice(begun, i).trim());
            begun = i + 1;
        }
    }
    throw new Error("a call without an end");
}

/** The keys in a module; `problems` are told. */
function keysOfModule(source, name, problems) {
    const keys = [];
    const take = (text, isKey = true) => {
        const match = literal.exec(text ?? "");
        if (match && match[0] === text) {
            isKey && keys.push(JSON.parse(text));
        } else if (/["`]/.test(text?.[0] ?? "")) {
            problems.push(`${name}: a key is one "text" in a piece: ${text}`);
        }
    };
    for (const match of source.matchAll(/(?<![\w.$#]|function )(t|tn|key)\(/g)) {
        const given = argumentsAt(source, match.index + match[0].length);
        if (match[1] === "tn") {
            take(given[1], false); // no language but English asks for it
            take(given[2]);
        } else {
            take(given[0]);
        }
    }
    return keys;
}

/** The keys in a page's markup. */
function keysOfMarkup(source, name, problems) {
    const keys = [];
    for (const [, tag, attributes] of source.matchAll(/<(\w+)((?:\s+[\w-]+(?:="[^"]*")?)+)\s*>/g)) {
        for (const [data, attribute] of [
            ["title", "title"],
            ["label", "aria-label"],
            ["placeholder", "placeholder"],
        ]) {
            if (new RegExp(`\\sdata-t-${data}(?=\\s|$)`).test(attributes)) {
                const value = new RegExp(`\\s${attribute}="([^"]*)"`).exec(attributes)?.[1];
                keys.push(clean(value ?? ""));
                if (!value) {
                    problems.push(`${name}: <${tag}> has data-t-${data} and no ${attribute}`);
                }
            }
        }
    }
    const marked = [...source.matchAll(/\sdata-t(?=[\s>])/g)].length;
    const texts = [...source.matchAll(/<(\w+)(?:\s+[\w-]+(?:="[^"]*")?)*\s+data-t(?:\s[^>]*)?>([^<]*)<\/\1>/g)];
    keys.push(...texts.map((match) => clean(match[2])));
    if (marked !== texts.length) {
        problems.push(`${name}: data-t stands on elements that hold text alone`);
    }
    return keys;
}

/** What the markup says and data-t does not name. */
function unmarked(source) {
    const body = source
        .slice(source.indexOf("<body"))
        .replace(/<!--[^]*?-->|<noscript>[^]*?<\/noscript>|<code[^>]*>[^]*?<\/code>/g, "");
    const found = [];
    for (const [, tag, attributes, text] of body.matchAll(/<(\/?\w+)([^>]*)>([^<]*)/g)) {
        const isMarked = /\sdata-t(?=\s|$)/.test(attributes);
        if (/\p{L}{2}/u.test(text) && !isMarked && !signs.includes(clean(text))) {
            found.push(`<${tag}>${clean(text)}`);
        }
        for (const [attribute, data] of [
            ["title", "title"],
            ["aria-label", "label"],
            ["placeholder", "placeholder"],
        ]) {
            const value = new RegExp(`\\s${attribute}="([^"]*)"`).exec(attributes)?.[1] ?? "";
            const isNamed = new RegExp(`\\sdata-t-${data}(?=\\s|$)`).test(attributes);
            if (/\p{L}{2}/u.test(value) && !isNamed) {
                found.push(`<${tag} ${attribute}="${value}">`);
            }
        }
    }
    return found;
}

/** All modules that a page loads, workers among them. */
function modulesOf(start) {
    const found = new Map();
    const todo = [join(html, start)];
    while (todo.length > 0) {
        const path = todo.pop();
        if (!found.has(path) && existsSync(path)) {
            const source = readFileSync(path, "utf8");
            found.set(path, source);
            for (const match of source.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
                todo.push(resolve(dirname(path), match[1]));
            }
        }
    }
    return found;
}

async function catalogue(name) {
    return (await import(pathToFileURL(join(catalogues, `${name}.js`)))).default;
}

const places = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort().join();

const common = await catalogue("common");
const usedOfCommon = new Set(fromServer);

for (const page of pages) {
    const path = join(catalogues, `${page}.js`);
    test(`words of ${page}.html`, async () => {
        const own = await catalogue(page);
        const problems = [];
        const markup = readFileSync(join(html, `${page}.html`), "utf8");
        const modules = modulesOf(/<script type="module" src="([^"]+)">/.exec(markup)[1]);
        problems.push(...unmarked(markup).map((text) => `said in English only: ${text}`));
        const keys = new Set(keysOfMarkup(markup, `${page}.html`, problems));
        for (const [file, source] of modules) {
            if (!file.startsWith(join(html, "lang"))) {
                keysOfModule(source, relative(html, file), problems).forEach((text) => keys.add(text));
            }
        }
        for (const text of keys) {
            if (text in common) {
                usedOfCommon.add(text);
            } else if (!(text in own)) {
                problems.push(`no Chinese for: ${JSON.stringify(text)}`);
            }
        }
        const all = [...modules.values()].join("\n");
        const isUsed = (text) => keys.has(text) || all.includes(JSON.stringify(text));
        Object.keys(common).filter(isUsed).forEach((text) => usedOfCommon.add(text));
        for (const text of Object.keys(own)) {
            if (!isUsed(text)) {
                problems.push(`nobody says: ${JSON.stringify(text)}`);
            }
            if (text in common) {
                problems.push(`common.js has it, too: ${JSON.stringify(text)}`);
            }
        }
        if (!all.includes(`useWords("${page}")`)) {
            problems.push(`no useWords("${page}")`);
        }
        if (!/<html lang="en">/.test(markup) || !/<title data-t>/.test(markup)) {
            problems.push('the markup begins with <html lang="en">, and its title has data-t');
        }
        assert.deepEqual(problems, []);
    });
}

test("what is common is used by a page", () => {
    assert.deepEqual(Object.keys(common).filter((text) => !usedOfCommon.has(text)), []);
    assert.deepEqual(fromServer.filter((text) => !(text in common)), []);
});

test("a text and its translation have the same places", async () => {
    for (const name of readdirSync(catalogues)) {
        const words = await catalogue(name.slice(0, -".js".length));
        for (const [text, translated] of Object.entries(words)) {
            assert.equal(places(translated), places(text), `${name}: ${text}`);
            assert.match(translated, /\S/, `${name}: ${text}`);
        }
    }
});

test("a call's texts are found however it is written", () => {
    const problems = [];
    const source = [
        't("one"); key("two"); tn(list.filter((a, b) => b).length, "{n} a", "{n} b", { n: f(")") });',
        "t(variable); set(\"x\"); it.t(\"no\"); part(\"no\"); t(`no`); t(\"a\" + \"b\");",
    ].join("\n");
    assert.deepEqual(keysOfModule(source, "x", problems), ["one", "two", "{n} b"]);
    assert.equal(problems.length, 2);
});
