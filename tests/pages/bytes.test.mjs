// SPDX-License-Identifier: MIT
// bytes.test: the client module is small, and its types tell what it has.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import * as client from "../../html/ssecgi.js";

const read = (name) => readFileSync(new URL(`../../html/${name}`, import.meta.url), "utf8");
const source = read("ssecgi.js");
const types = read("ssecgi.d.ts");

function matches(text, pattern) {
    return [...text.matchAll(pattern)].map(([, found]) => found).sort();
}

// The body of a declaration of the types, without comments.
function bodyOf(head) {
    const start = types.indexOf(head);
    assert.ok(start >= 0, head);
    return types.slice(start, types.indexOf("\n}", start)).replace(/\/\*\*.*?\*\//gs, "");
}

test("the module takes less than 4096 bytes, compressed", () => {
    const { length } = gzipSync(source, { level: 9 });
    assert.ok(length < 4096, `${length} bytes`);
});

test("the types declare what the module exports", () => {
    assert.deepEqual(matches(types, /^export declare (?:const|function|class) (\w+)/gm), Object.keys(client).sort());
});

test("the types declare the options that the module looks at", () => {
    const declared = matches(bodyOf("interface StreamOptions"), /^ {4}(\w+)\?:/gm);
    const used = new Set([
        ...matches(source, /\boptions\??\.(\w+)/g),
        ...matches(source, /#call\("(\w+)"/g),
        ...matches(source, /const \{ (.*?) \} = this\.#options;/g).flatMap((names) => names.split(", ")),
    ]);
    assert.deepEqual([...used].sort(), declared);
});

test("the types declare what a stream has", () => {
    const declared = matches(bodyOf("class Stream"), /^ {4}(?:get )?(\w+)\(/gm);
    const { prototype } = client.Stream;
    assert.deepEqual(declared, Object.getOwnPropertyNames(prototype).sort());
});

test("the types declare the states that are told", () => {
    const declared = matches(/type StateName =(.*);/.exec(types)[1], /"(\w+)"/g);
    const told = matches(source, /#setState\(\s*"(\w+)"/g);
    assert.ok(told.length > 0);
    assert.deepEqual(told.filter((name) => !declared.includes(name)), []);
    assert.deepEqual(declared.filter((name) => !source.includes(`"${name}"`)), []);
});
