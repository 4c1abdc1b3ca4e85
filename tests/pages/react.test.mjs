// SPDX-License-Identifier: MIT
// react: the React page's texts have their Chinese, and the hook's types name what is there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const html = new URL("../../html/", import.meta.url);
const read = (name) => readFileSync(new URL(name, html), "utf8");
const words = async (name) => (await import(new URL(`lang/zh-CN/${name}.js`, html))).default;

function textsOfPage() {
    const texts = [];
    for (const [, text] of read("react/page.jsx").matchAll(/\b(?:t|key)\("([^"]+)"/g)) {
        texts.push(text);
    }
    for (const [, many] of read("react/page.jsx").matchAll(/\btn\([^"]*"[^"]+",\s*"([^"]+)"/g)) {
        texts.push(many);
    }
    for (const [, text] of read("react/index.html").matchAll(/\sdata-t>([^<]+)</g)) {
        texts.push(text);
    }
    return texts;
}

test("each text of the page is in its catalogue or in the common one, and none is unused", async () => {
    const own = await words("react");
    const common = await words("common");
    const texts = textsOfPage();
    assert.ok(texts.includes("Pause") && texts.includes("{n} messages"));
    assert.deepEqual(texts.filter((text) => !(text in own) && !(text in common)), []);
    assert.deepEqual(Object.keys(own).filter((text) => !texts.includes(text)), []);
});

test("the types that the hook builds on are exported", () => {
    const [, names] = /import type \{([^}]+)\} from "\.\.\/ssecgi\.js"/.exec(
        read("react/useStream.d.ts"));
    for (const name of names.split(",").map((each) => each.trim())) {
        assert.match(read("ssecgi.d.ts"), new RegExp(`export (interface|type) ${name}\\b`));
    }
});

test("what the hook answers is what its types say", () => {
    const fields = (text) => text.match(/^ {4}(\w+)(?=:)/gm).map((each) => each.trim()).sort();
    const [, body] = /export interface UsedStream \{\n(.*?)\n\}/s.exec(read("react/useStream.d.ts"));
    const [, answer] = /return \{ ([\w, ]+) \};\n\}\n$/.exec(read("react/useStream.js"));
    assert.deepEqual(fields(body), answer.split(", ").sort());
});
