// SPDX-License-Identifier: MIT
// save: lines to the clipboard or into a file, exactly as they were written.

const linesAtOnce = 20000; // then the page has its turn

/** @typedef {import("./store.js").Store} Store */

/**
 * The text of the lines from a to b, each with its end. Gap rows are no lines.
 *
 * @param {Store} store
 * @returns {Promise<string[]>} in parts
 */
export async function textOf(store, a, b) {
    const parts = [];
    for (let from = a; from <= b; from += linesAtOnce) {
        const lines = [];
        const last = Math.min(b, from + linesAtOnce - 1, store.end - 1);
        for (let number = Math.max(from, store.first); number <= last; number++) {
            if (store.kindOf(number) !== "gap") {
                lines.push(store.full(number), "\n");
            }
        }
        parts.push(lines.join(""));
        if (last < b) {
            await new Promise((resolve) => setTimeout(resolve));
        }
    }
    return parts;
}

/** Copies a text, where the page has no right to the clipboard's own interface as well. */
export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        const area = document.createElement("textarea");
        const before = document.activeElement;
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
        before?.focus?.({ preventScroll: true });
    }
}

/** Hands a text to the browser as a file to keep. */
export function download(parts, name) {
    const url = URL.createObjectURL(new Blob(parts, { type: "text/plain;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
}
