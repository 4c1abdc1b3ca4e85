// SPDX-License-Identifier: MIT
// page: what the pages share: elements, the state badge, choosing a stream, numbers as text.

import { listStreams } from "./ssecgi.js";

/** @typedef {import("./ssecgi.js").State} State */
/** @typedef {import("./ssecgi.js").Gap} Gap */

const stateWords = {
    connecting: "Connecting",
    live: "Live",
    retrying: "Retrying",
    stale: "Stale",
    busy: "Busy",
    ended: "Ended",
    held: "Held", // the page's own: it closed the stream for a while
};

const listRetryMs = 2000;

/** @returns {HTMLElement} */
export function byId(id) {
    return document.getElementById(id);
}

/**
 * Makes an element. Text goes in as text, never as markup.
 *
 * @param {string} tag
 * @param {string} className
 * @param {...(Node | string)} children
 */
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
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let value = bytes;
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${formatNumber(value)} ${units[unit]}`;
}

/**
 * A gap in words: "Gap: truncated, 1.5 KiB missing".
 *
 * @param {Gap} gap
 */
export function formatGap(gap) {
    const sizes = [];
    if (typeof gap.events === "number") {
        sizes.push(`${formatNumber(gap.events)} ${gap.events === 1 ? "event" : "events"}`);
    }
    if (typeof gap.bytes === "number") {
        sizes.push(formatBytes(gap.bytes));
    }
    const size = sizes.length > 0 ? `${sizes.join(", ")} missing` : "size unknown";
    const detail = gap.detail ? ` (${gap.detail})` : "";
    return `Gap: ${gap.reason}, ${size}${detail}`;
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
        root.setAttribute("role", "status");
        root.replaceChildren(this.#word, " ", this.#detail);
        this.show({ name: "connecting", detail: "", retryAt: 0 });
    }

    /** @param {State | {name: "held", detail: string, retryAt: number}} state */
    show(state) {
        clearInterval(this.#timer);
        this.#root.dataset.state = state.name;
        this.#root.title = state.detail;
        setText(this.#word, stateWords[state.name]);
        this.#showDetail(state);
        if (state.retryAt) {
            this.#timer = setInterval(() => this.#showDetail(state), 1000);
        }
    }

    #showDetail(state) {
        const waitS = Math.ceil((state.retryAt - Date.now()) / 1000);
        const parts = [];
        if (state.retryAt) {
            parts.push(waitS > 0 ? `in ${waitS} s` : "now");
        }
        if (state.detail) {
            parts.push(state.detail);
        }
        setText(this.#detail, parts.join(", "));
    }
}

/**
 * The stream a page is about: the one that `?stream=` names, else the first of that kind.
 * Waits for the server as long as it takes; the badge says so.
 *
 * @param {string} source the kind of source the page is made for
 * @param {StateBadge} badge
 * @returns {Promise<{name: string, streams: import("./ssecgi.js").StreamInfo[]}>}
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
            detail = `this server has no ${source} stream`;
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
