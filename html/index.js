// SPDX-License-Identifier: MIT
// index: the page of all streams. Watches them over one connection, and says what each brought last.

import { Stream, isAnswering, listStreams, parseObject, streamUrl } from "./ssecgi.js";
import { RateStrip } from "./chart.js";
import { key, t, tn, useWords } from "./lang.js";
import {
    StateBadge, byId, followPage, formatGap, formatNumber, formatReaders, make, setText,
} from "./page.js";

const watchedMax = 16; // as the server takes on one connection
const refreshMs = 15000;
const firstRefreshMs = 1500; // our own readers are counted by then
const stripSeconds = 61; // the last one is still running
const shownChars = 240;

const pages = { clock: "clock.html", price: "price.html" };
const kinds = {
    clock: key("The server's time"),
    price: key("Simulated prices"),
    tail: key("A growing log"),
    exec: key("What a program prints"),
    topic: key("Published messages"),
    redis: key("Messages of a Redis server"),
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

function isReadable(info) {
    return !isFamily(info) && !isAnswering(info);
}

// The page that a stream's card leads to.
function pageOf(info) {
    if (isFamily(info)) {
        return `topics.html?${new URLSearchParams({ family: info.name })}`;
    }
    const page = isAnswering(info) ? "chat.html" : (pages[info.source] ?? "log.html");
    return `${page}?${new URLSearchParams({ stream: info.name })}`;
}

function kindOf(info) {
    if (isAnswering(info)) {
        return info.source === "chat" ? t("A language model") : t("Answers questions");
    }
    return t(kinds[info.source] ?? info.source);
}

// What is said of a stream whose events are not shown here.
function unwatchedText(info) {
    if (isAnswering(info)) {
        return t("A POST carries the question, and each answer is a stream of its own.");
    }
    return isFamily(info)
        ? t("A stream for each name that somebody reads or publishes into.")
        : t("Not watched on this page: open it to see its events.");
}

function quoted(url) {
    return `'${url.href.replaceAll("'", "'\\''")}'`;
}

// How the same is had from a shell.
function commandOf(info) {
    if (isAnswering(info)) {
        return `curl -N --data-binary 'question' ${quoted(streamUrl(info.name))}`;
    }
    const name = isFamily(info) ? info.name.replace("*", "lobby") : info.name;
    return `curl -N ${quoted(streamUrl(name, { last: 10 }))}`;
}

class Card {
    #info;
    #latest = make("p", "latest quiet", t("No event yet"));
    #readers = make("span", "readers", "");
    #strip = null;
    #rate = make("span", "rate", "");
    #text = null; // of the last event, until it is shown
    #hasHistory = false;

    /** @param {import("./ssecgi.js").StreamInfo} info */
    constructor(info) {
        this.#info = info;
        const link = make("a", "card-link", info.name);
        link.href = pageOf(info);
        const command = make("button", "card-command", "curl");
        command.type = "button";
        command.title = t("How to read it from a shell");
        command.setAttribute("aria-label", `curl, ${info.name}`);
        command.addEventListener("click", () => showCommand(info, true));
        const path = decodeURIComponent(streamUrl(info.name).pathname);
        this.element = make(
            "li",
            "card",
            make("div", "card-head", make("h2", "", link), this.#rate),
            make("p", "kind", kindOf(info)),
            this.#latest,
            make("div", "card-foot", make("code", "", path), this.#readers, command)
        );
        if (isReadable(info)) {
            this.#addStrip();
        } else {
            setText(this.#latest, unwatchedText(info));
        }
        this.show(info);
    }

    #addStrip() {
        const canvas = make("canvas", "strip");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", t("Events a second over the last minute"));
        this.#latest.after(canvas);
        this.#strip = new RateStrip(canvas, stripSeconds);
    }

    /** An event came. */
    take(data) {
        if (this.#hasHistory) {
            this.#strip?.add();
        }
        this.#hasHistory = true; // the first one was there before us
        this.#text = data.slice(0, shownChars);
    }

    say(sentence) {
        this.#text = null;
        this.#latest.classList.add("quiet");
        setText(this.#latest, sentence);
    }

    /** What the server's list says of it. */
    show(info) {
        const members = info.members === undefined
            ? []
            : [tn(info.members, "{n} in use", "{n} in use", { n: formatNumber(info.members) })];
        setText(this.#readers, [...members, formatReaders(info.readers)].join(", "));
    }

    /** Shows what came last: once in a frame, however many came. */
    flush() {
        if (this.#text !== null) {
            this.#latest.classList.remove("quiet");
            setText(this.#latest, summarise(this.#info.source, this.#text));
            this.#text = null;
        }
    }

    /** A second has passed. */
    advance() {
        this.#strip?.advance();
        setText(this.#rate, this.#strip ? t("{n}/s", { n: formatNumber(this.#strip.rate) }) : "");
    }
}

/** @type {Map<string, Card>} */
const cards = new Map();
const withheld = new Set(); // streams that are read by their own URL only
let watched = ""; // the names, in a line each
/** @type {Stream | null} */
let stream = null;
let frame = 0;
let badge = null;

/* --- the connection ---------------------------------------------------------------------- */

function takeEvent(event) {
    const { stream: name, data } = parseObject(event.data);
    const card = cards.get(name);
    if (event.name === "stream.member_end") {
        card?.say(t("It has ended."));
    } else if (!event.name.startsWith("stream.")) {
        card?.take(String(data));
        frame ||= requestAnimationFrame(() => {
            frame = 0;
            cards.forEach((each) => each.flush());
        });
    }
}

// One that is read by its own URL only makes the server refuse all: it is looked for and left out.
async function findWithheld(names) {
    for (const name of names) {
        const asking = new AbortController();
        try {
            const url = streamUrl([name]);
            const { status } = await fetch(url, { signal: asking.signal, cache: "no-store" });
            if (status === 404) {
                withheld.add(name);
                cards.get(name)?.say(t("Not watched on this page: open it to see its events."));
            }
        } catch {
            return; // the server is away: that is told, and tried again, elsewhere
        } finally {
            asking.abort();
        }
    }
    refresh();
}

function watch(names) {
    if (names.join("\n") === watched) {
        return;
    }
    watched = names.join("\n");
    const from = stream?.cursor ?? "";
    stream?.close();
    stream = null;
    if (names.length === 0) {
        return;
    }
    stream = new Stream(names, {
        params: from ? { from } : { last: 1 },
        names: "*",
        onEvent: takeEvent,
        onGap: (gap) => cards.get(gap.stream)?.say(formatGap(gap)),
        onState: (state) => {
            badge.show(state);
            if (state.status === 404) {
                findWithheld(names.filter((name) => !withheld.has(name)));
            }
        },
    });
    if (!document.hidden) {
        stream.open();
    }
}

/* --- the list ---------------------------------------------------------------------------- */

function showCommand(info, isAsked = false) {
    byId("shell").hidden = false;
    setText(byId("command"), commandOf(info));
    if (isAsked) {
        byId("command").parentElement.focus();
        byId("shell").scrollIntoView({ block: "nearest" });
        getSelection().selectAllChildren(byId("command"));
    }
}

function showStreams(streams) {
    for (const [name, card] of cards) {
        if (!streams.some((info) => info.name === name)) {
            card.element.remove();
            cards.delete(name);
        }
    }
    for (const info of streams) {
        const card = cards.get(info.name);
        if (card) {
            card.show(info);
        } else {
            const added = new Card(info);
            cards.set(info.name, added);
            byId("streams").append(added.element);
        }
    }
    const readable = streams.filter((info) => isReadable(info) && !withheld.has(info.name));
    readable.slice(watchedMax).forEach((info) => cards.get(info.name).say(unwatchedText(info)));
    watch(readable.slice(0, watchedMax).map((info) => info.name));
    const example = readable.find((info) => info.source === "tail") ?? readable[0];
    if (example && byId("shell").hidden) {
        showCommand(example);
    }
    const readers = streams.reduce((sum, info) => sum + info.readers, 0);
    const count = formatNumber(streams.length);
    setText(
        byId("summary"),
        `${tn(streams.length, "{n} stream", "{n} streams", { n: count })}, ${formatReaders(readers)}`
    );
}

async function refresh() {
    if (document.hidden) {
        return;
    }
    try {
        showStreams(await listStreams());
    } catch (error) {
        const sentence = t("No list of streams: {reason}. Trying again.", {
            reason: error instanceof Error ? error.message : t("no answer"),
        });
        setText(byId("summary"), sentence);
    }
}

/* --- begin ------------------------------------------------------------------------------- */

await useWords("index");
badge = new StateBadge(byId("state"));
followPage({ open: () => stream?.open(), close: () => stream?.close() });
document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
        stream?.close();
    } else {
        stream?.open();
        refresh();
    }
});
setInterval(() => cards.forEach((card) => card.advance()), 1000);
setInterval(refresh, refreshMs);
setTimeout(refresh, firstRefreshMs);
refresh();
