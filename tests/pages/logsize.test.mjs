// SPDX-License-Identifier: MIT
// logsize: what a browser loads for the log page, compressed: until lines are shown, and in all.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const html = resolve(dirname(fileURLToPath(import.meta.url)), "../../html");
const limitBytes = 42 * 1024; // until the first lines are shown

const atOnce = [
    /<(?:link|script|img)\b[^>]*(?:href|src)="([^":]+\.(?:css|js|svg))"/g,
    /(?:^import|^export|^\}) ?[^;"]*from "(\.[^"]+)"/gm,
    /^import "(\.[^"]+)"/gm,
];
const later = [
    /import\(\s*"(\.[^"]+)"/g,
    /addStyles\("([^"]+)"\)/g,
];

/** The files that are reached from some, in that way. */
function reach(starts, patterns) {
    const files = new Set(starts);
    for (const path of files) {
        const source = readFileSync(path, "utf8");
        for (const [, name] of patterns.flatMap((pattern) => [...source.matchAll(pattern)])) {
            files.add(resolve(name.startsWith(".") ? dirname(path) : html, name));
        }
    }
    return [...files];
}

const sizeOf = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const sum = (files) => files.reduce((total, path) => total + sizeOf(path), 0);

function list(files) {
    const sizes = files.map((path) => [relative(html, path), sizeOf(path)]);
    sizes.sort((a, b) => b[1] - a[1]);
    return sizes.map(([name, size]) => `${name} ${size}`).join("\n");
}

test(`the log page loads at most ${limitBytes} bytes until lines are shown`, () => {
    const first = reach([join(html, "log.html"), join(html, "log/hub.js")], atOnce);
    const all = reach([...first, join(html, "log/findworker.js")], [...atOnce, ...later]);
    for (const name of ["log.js", "log/view.js", "log/lines.js", "page.js", "style.css"]) {
        assert.ok(first.includes(join(html, name)), `${name} is among the first`);
    }
    for (const name of ["log/search.js", "log/match.js", "log/found.js"]) {
        assert.ok(!first.includes(join(html, name)), `${name} is not`);
        assert.ok(all.includes(join(html, name)), `${name} is loaded some time`);
    }
    console.log(`# ${sum(first)} bytes at first, ${sum(all)} in all`);
    const chinese = ["common", "log"].map((name) => join(html, `lang/zh-CN/${name}.js`));
    console.log(`# in Chinese ${sum(chinese)} more`);
    if (process.env.VERBOSE) {
        console.log(list(first).replace(/^/gm, "# "));
    }
    assert.ok(sum(first) <= limitBytes, `${sum(first)} bytes:\n${list(first)}`);
});
