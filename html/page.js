// SPDX-License-Identifier: MIT
// page: what the pages share: elements, the head, the state badge, choosing a stream, numbers as text.

import { chooseLanguage, chosenLanguage, key, languages, t, tn } from "./lang.js";
import { listStreams } from "./ssecgi.js";

/** @typedef {import("./ssecgi.js").State} State */
/** @typedef {import("./ssecgi.js").Gap} Gap */

const stateWords = {
    connecting: key("Connecting"),
    live: key("Live"),
    retrying: key("Retrying"),
    stale: key("Stale"),
    busy: key("Busy"),
    ended: key("Ended"),
    held: key("Held"), // the page's own: it closed the stream for a while
};

const listRetryMs = 2000;

/** @returns {HTMLElement} */
export function byId(id) {
    return document.getElementById(id);
}

/** Makes an element. Text goes in as text, never as markup. */
export function make(tag, className, ...children) {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
}

/** Sets an element's text, touching the page only when it changes. */
export function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** @param {number} value */
export function formatNumber(value) {
    return plain.format(value);
}

/** @param {number} bytes */
export function formatBytes(bytes) {
    const units = [t("bytes"), "KiB", "MiB", "GiB", "TiB"];
    let value = bytes;
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${formatNumber(value)} ${units[unit]}`;
}

/** So many readers, in words. */
export function formatReaders(count) {
    return tn(count, "{n} reader", "{n} readers", { n: formatNumber(count) });
}

/** A gap in words: "Gap: truncated, 1.5 KiB missing". @param {Gap} gap */
export function formatGap(gap) {
    const sizes = [];
    if (typeof gap.events === "number") {
        sizes.push(tn(gap.events, "{n} event", "{n} events", { n: formatNumber(gap.events) }));
    }
    if (typeof gap.bytes === "number") {
        sizes.push(formatBytes(gap.bytes));
    }
    const size = sizes.length > 0 ? t("{size} missing", { size: sizes.join(", ") }) : t("size unknown");
    const detail = gap.detail ? ` (${t(gap.detail)})` : "";
    return t("Gap: {reason}, {size}", { reason: t(gap.reason), size }) + detail;
}

/** A state in a word. */
export function stateWord(name) {
    return t(stateWords[name]);
}

/** What the client module says of a connection, in the reader's language. */
export function stateDetail(text) {
    const [, status, more] = /^the server answered (\d+)(.*)$/s.exec(text) ?? [];
    return status ? t("the server answered {status}", { status }) + more : t(text);
}

/** Shows a connection state in words and colour. */
export class StateBadge {
    #root;
    #word = make("span", "state-word");
    #detail = make("span", "state-detail");
    #timer = 0;

    /** @param {HTMLElement} root */
    constructor(root) {
        this.#root = root;
        root.classList.add("state");
        this.#word.setAttribute("role", "status"); // not the seconds that count down beside it
        root.replaceChildren(this.#word, " ", this.#detail);
        this.show({ name: "connecting", detail: "", retryAt: 0 });
    }

    /** @param {State | {name: "held", detail: string, retryAt: number}} state */
    show(state) {
        clearInterval(this.#timer);
        this.#root.dataset.state = state.name;
        this.#root.title = stateDetail(state.detail);
        setText(this.#word, stateWord(state.name));
        this.#showDetail(state);
        if (state.retryAt) {
            this.#timer = setInterval(() => this.#showDetail(state), 1000);
        }
    }

    #showDetail(state) {
        const waitS = Math.ceil((state.retryAt - Date.now()) / 1000);
        const parts = [];
        if (state.retryAt) {
            parts.push(waitS > 0 ? t("in {n} s", { n: waitS }) : t("now"));
        }
        if (state.detail) {
            parts.push(stateDetail(state.detail));
        }
        setText(this.#detail, parts.join(", "));
    }
}

/**
 * The stream a page is about, and all there are: the one that `?stream=` names, else the first of
 * that kind. Waits for the server as long as it takes; the badge says so.
 */
export async function chooseStream(source, badge) {
    const asked = new URLSearchParams(location.search).get("stream");
    for (;;) {
        let detail = "";
        try {
            const streams = await listStreams();
            const name = asked ?? streams.find((stream) => stream.source === source)?.name;
            if (name) {
                return { name, streams };
            }
            detail = t("this server has no {source} stream", { source });
        } catch (error) {
            if (asked) {
                return { name: asked, streams: [] };
            }
            detail = error instanceof Error ? error.message : "no answer";
        }
        badge.show({ name: "retrying", detail, retryAt: Date.now() + listRetryMs });
        await new Promise((resolve) => setTimeout(resolve, listRetryMs));
    }
}

/** Closes a stream when the page goes, and opens it again when it comes back from the cache. */
export function followPage(stream) {
    addEventListener("pagehide", () => stream.close());
    addEventListener("pageshow", (event) => {
        if (event.persisted) {
            stream.open();
        }
    });
}

// The head is markup of each page; what needs JavaScript is added to it here.
function addLanguageSwitch(header) {
    const other = Object.keys(languages).find((name) => name !== chosenLanguage());
    const button = make("button", "language", languages[other]);
    button.type = "button";
    button.lang = other;
    button.addEventListener("click", () => chooseLanguage(other));
    header.append(button);
}

const header = globalThis.document?.querySelector("header.site");
if (header) {
    addLanguageSwitch(header);
}
