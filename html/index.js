// SPDX-License-Identifier: MIT
// index: the page of all streams. Watches the first few, and says what each brought last.

import { Stream, isAnswering, listStreams, streamUrl } from "./ssecgi.js";
import { RateStrip } from "./chart.js";
import { StateBadge, byId, formatGap, formatNumber, make, setText } from "./page.js";

// A browser opens six connections to a server over HTTP/1.1, for all its tabs together; a seventh
// page would hang. So only so many streams are watched here, and none while the page is hidden.
const watchedMax = 4;

const refreshMs = 15000;
const firstRefreshMs = 1500; // our own readers are counted by then
const stripSeconds = 61; // the last one is still running
const shownChars = 240;

const pages = { clock: "clock.html", price: "price.html" };
const kinds = {
    clock: "The server's time",
    price: "Simulated prices",
    tail: "A growing log",
    exec: "What a program prints",
    topic: "Published messages",
};

// What an event says, in short.
function summarise(source, data) {
    try {
        const value = JSON.parse(data);
        if (source === "clock") {
            return `${value.time}`.replace("T", " ").replace(/(\.0+)?Z$/, " UTC");
        }
        if (source === "price") {
            const [price, change] = [Number(value.price), Number(value.change)];
            const sign = change > 0 ? "+" : "";
            return `${value.symbol}  ${price.toFixed(2)}  ${sign}${change.toFixed(2)}`;
        }
    } catch {
        // Not JSON, or not that shape: shown as it is.
    }
    return data;
}

function isFamily(info) {
    return info.members !== undefined;
}

// The page that a stream's card leads to.
function pageOf(info) {
    if (isFamily(info)) {
        return "topics.html";
    }
    const page = isAnswering(info) ? "chat.html" : (pages[info.source] ?? "log.html");
    return `${page}?${new URLSearchParams({ stream: info.name })}`;
}

function kindOf(info) {
    return isAnswering(info) ? "Answers questions" : (kinds[info.source] ?? info.source);
}

// What is said of a stream whose events are not shown here.
function unwatchedText(info) {
    if (isAnswering(info)) {
        return "A POST carries the question, and each answer is a stream of its own.";
    }
    return isFamily(info)
        ? "A stream for each name that somebody reads or publishes into."
        : "Not watched on this page: open it to see its events.";
}

class Card {
    #info;
    #stream;
    #badge = null;
    #latest = make("p", "latest quiet", "No event yet");
    #readers = make("span", "readers", "");
    #strip = null;
    #hasHistory = false;
    #rate = make("span", "rate", "");

    /**
     * @param {import("./ssecgi.js").StreamInfo} info
     * @param {boolean} isWatched
     */
    constructor(info, isWatched) {
        this.#info = info;
        const link = make("a", "card-link", info.name);
        link.href = pageOf(info);
        const state = make("span", "");
        this.element = make(
            "li",
            "card",
            make("div", "card-head", make("h2", "", link), state),
            make("p", "kind", kindOf(info))
        );
        if (isWatched) {
            this.#watch(state);
        } else {
            setText(this.#latest, unwatchedText(info));
            this.element.append(this.#latest);
        }
        const path = decodeURIComponent(streamUrl(info.name).pathname);
        this.element.append(make("div", "card-foot", make("code", "", path), this.#readers));
        this.showReaders(info.readers);
    }

    #watch(state) {
        const canvas = make("canvas", "strip");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", "Events a second over the last minute");
        this.element.append(this.#latest, make("div", "card-rate", canvas, this.#rate));
        this.#badge = new StateBadge(state);
        this.#strip = new RateStrip(canvas, stripSeconds);
        this.#stream = new Stream(this.#info.name, {
            params: { last: 1 },
            onEvent: (event) => this.#show(event),
            onGap: (gap) => setText(this.#latest, formatGap(gap)),
            onState: (now) => this.#badge.show(now),
        });
        this.#stream.open();
    }

    #show(event) {
        if (this.#hasHistory) {
            this.#strip.add();
        }
        this.#hasHistory = true; // the first one was there before us
        this.#latest.classList.remove("quiet");
        setText(this.#latest, summarise(this.#info.source, event.data.slice(0, shownChars)));
    }

    showReaders(count) {
        setText(this.#readers, `${formatNumber(count)} ${count === 1 ? "reader" : "readers"}`);
    }

    /** A second has passed. */
    advance() {
        this.#strip?.advance();
        setText(this.#rate, this.#strip ? `${formatNumber(this.#strip.rate)}/s` : "");
    }

    setVisible(isVisible) {
        if (isVisible) {
            this.#stream?.open();
        } else {
            this.#stream?.close();
        }
    }

    close() {
        this.#stream?.close();
        this.element.remove();
    }
}

/** @type {Map<string, Card>} */
const cards = new Map();

function showStreams(streams) {
    for (const [name, card] of cards) {
        if (!streams.some((info) => info.name === name)) {
            card.close();
            cards.delete(name);
        }
    }
    for (const info of streams) {
        const card = cards.get(info.name);
        if (card) {
            card.showReaders(info.readers);
        } else {
            const isReadable = !isFamily(info) && !isAnswering(info);
            const added = new Card(info, cards.size < watchedMax && isReadable);
            cards.set(info.name, added);
            byId("streams").append(added.element);
        }
    }
    const readable = streams.filter((info) => !isFamily(info) && !isAnswering(info));
    byId("shell").hidden = readable.length === 0;
    const example = readable.find((info) => info.source === "tail") ?? readable[0];
    if (example) {
        setText(byId("command"), `curl -N '${streamUrl(example.name, { last: 10 })}'`);
    }
    const readers = streams.reduce((sum, info) => sum + info.readers, 0);
    const count = `${formatNumber(streams.length)} ${streams.length === 1 ? "stream" : "streams"}`;
    setText(
        byId("summary"),
        `${count}, ${formatNumber(readers)} ${readers === 1 ? "reader" : "readers"}`
    );
}

async function refresh() {
    if (document.hidden) {
        return;
    }
    try {
        showStreams(await listStreams());
    } catch (error) {
        setText(byId("summary"), `No list of streams: ${error.message}. Trying again.`);
    }
}

document.addEventListener("visibilitychange", () => {
    for (const card of cards.values()) {
        card.setVisible(!document.hidden);
    }
    refresh();
});
addEventListener("pagehide", () => cards.forEach((card) => card.setVisible(false)));
addEventListener("pageshow", (event) => {
    if (event.persisted) {
        cards.forEach((card) => card.setVisible(true));
    }
});
setInterval(() => cards.forEach((card) => card.advance()), 1000);
setInterval(refresh, refreshMs);
setTimeout(refresh, firstRefreshMs);
refresh();
