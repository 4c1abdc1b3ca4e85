// SPDX-License-Identifier: MIT
// markworker: finds where patterns match texts, away from the page's thread.

import { rangesOf } from "./ansi.js";

globalThis.onmessage = ({ data: { patterns, texts } }) => {
    const found = texts.map((text) => rangesOf(text, patterns));
    globalThis.postMessage({ texts, found });
};
