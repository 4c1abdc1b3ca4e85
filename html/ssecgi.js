// SPDX-License-Identifier: MIT
// ssecgi: reads a stream of events and, however it is cut, reads on from exactly where it stopped.
//
//     import { Stream } from "./ssecgi.js";
//
//     const stream = new Stream("access", {
//         params: { last: 200 },
//         onEvent: (event) => console.log(event.position, event.data),
//         onGap: (gap) => console.warn("missing:", gap.reason, gap.bytes ?? gap.events),
//         onState: (state) => console.info(state.name),
//     });
//     stream.open();
//
// EventSource reconnects by itself after a network error, but gives up for good when the answer is
// not 200, and its Last-Event-ID goes with it. So the position of the last event is kept here, and
// the stream is opened again with `?from=`. Nothing is lost by that: a position is an address in
// the source, and any server process can read on from it.

/**
 * @typedef {"connecting" | "live" | "retrying" | "stale" | "busy" | "ended"} StateName
 *
 * connecting: asked for, no answer yet.
 * live: the server answered, events arrive as they happen.
 * retrying: the connection is lost and is being made again.
 * stale: connected, but silent for much longer than usual; connecting anew.
 * busy: the server met a limit and asked us to come back later.
 * ended: the source is finished, or close() was called; nothing more will come.
 *
 * @typedef {object} State
 * @property {StateName} name
 * @property {string} detail  a few words on the reason; may be empty
 * @property {number} retryAt when the next try is due, in milliseconds since 1970; 0 where unknown
 *
 * @typedef {object} StreamEvent
 * @property {string} name     the event's name; "message" when it has none
 * @property {string} data
 * @property {string} position the event's address: `from` it, a stream goes on with the next event
 *
 * @typedef {object} Gap a stretch of events that can't be delivered any more
 * @property {string} reason   a word: "truncated", "rotated-away", "unknown-position", ...
 * @property {string} [detail] a sentence
 * @property {number} [bytes]  how much is missing, where known
 * @property {number} [events]
 * @property {string} [stream] of several streams, the one that it is missing from
 * @property {string} position the stream goes on after it
 *
 * @typedef {object} StreamInfo an entry of the server's list
 * @property {string} name
 * @property {string} source   its kind: "clock", "price", "tail", ...
 * @property {string} url
 * @property {number} readers
 * @property {number} [members] of a family, "rooms/" and a star: those in use; it is no stream itself
 * @property {string[]} params the query parameters that it takes
 * @property {string[]} methods "GET" where it is read, "POST" where it takes events or questions
 * @property {string} [framing] of one that answers: what an event is, "lines", "chunks", ...
 * @property {string} [format]  the same of a language model: "events" or "openai"
 *
 * @typedef {object} StreamOptions
 * @property {Record<string, string | number>} [params] for the first request: `last`, `from`, and
 *     the stream's own; those other than `last` and `from` are sent with every request
 * @property {string[]} [names] the event names to listen for; "message" unless told
 * @property {number} [staleMs] silence after which the stream counts as stale, at least; three
 *     times the longest pause seen so far if that is more. 0, the default, never: heartbeats are
 *     comments, which EventSource hides, so only regular events tell a quiet stream from a dead one
 * @property {(event: StreamEvent) => void} [onEvent]
 * @property {(gap: Gap) => void} [onGap]
 * @property {(state: State) => void} [onState]
 */

/** Where the streams are: beside the pages. */
export const eventsUrl = new URL("events/", import.meta.url);

const retryMinMs = 1000;
const retryMaxMs = 30000;
const watchMs = 1000;

/**
 * The streams of this server.
 *
 * @returns {Promise<StreamInfo[]>}
 */
export async function listStreams() {
    const response = await fetch(eventsUrl, { cache: "no-store" });
    if (!response.ok) {
        throw new Error(`the server answered ${response.status}`);
    }
    const body = await response.json();
    if (!Array.isArray(body?.streams)) {
        throw new Error("the server's list of streams can't be read");
    }
    return body.streams;
}

/**
 * Whether a stream answers questions (answer.js). It is not read itself: each answer is a stream.
 *
 * @param {StreamInfo} info
 */
export function isAnswering(info) {
    return Array.isArray(info.methods) && !info.methods.includes("GET");
}

/**
 * The URL of a stream, or of several on one connection.
 *
 * @param {string | string[]} name
 * @param {Record<string, string | number>} [params]
 * @returns {URL}
 */
export function streamUrl(name, params = {}) {
    const url = new URL(eventsUrl);
    if (Array.isArray(name)) {
        name.forEach((each) => url.searchParams.append("stream", each));
    } else {
        url.pathname += name.split("/").map(encodeURIComponent).join("/");
    }
    for (const [key, value] of Object.entries(params)) {
        url.searchParams.set(key, String(value));
    }
    return url;
}

/** One stream, followed until it ends or is closed. */
export class Stream {
    #name;
    #params;
    #names;
    #staleMs;
    #onEvent;
    #onGap;
    #onState;

    /** @type {EventSource | null} */
    #source = null;
    /** @type {AbortController | null} */
    #probe = null;
    #retryTimer = 0;
    #watchTimer = 0;
    #failures = 0;
    #cursor = "";
    #isBusy = false;
    #lastEventAt = 0;
    #longestPauseMs = 0;
    /** @type {State} */
    #state = { name: "ended", detail: "not opened", retryAt: 0 };

    /**
     * @param {string | string[]} name the stream's name in the server's configuration; of several,
     *     the data of each event is JSON that names its stream
     * @param {StreamOptions} [options]
     */
    constructor(name, options = {}) {
        this.#name = name;
        this.#params = { ...options.params };
        this.#names = options.names ?? ["message"];
        this.#staleMs = options.staleMs ?? 0;
        this.#onEvent = options.onEvent ?? (() => {});
        this.#onGap = options.onGap ?? (() => {});
        this.#onState = options.onState ?? (() => {});
    }

    /** The position of the last event, "" before the first. */
    get cursor() {
        return this.#cursor;
    }

    get state() {
        return this.#state;
    }

    /** Opens the stream, or opens it again after close(), where it stopped. */
    open() {
        if (this.#source || this.#probe || this.#retryTimer) {
            return;
        }
        this.#failures = 0;
        this.#isBusy = false;
        this.#setState("connecting");
        this.#connect();
        if (this.#staleMs > 0) {
            this.#watchTimer = setInterval(() => this.#watch(), watchMs);
        }
    }

    /** Closes the stream. Its position is kept. */
    close() {
        this.#stop("closed");
    }

    #stop(detail) {
        this.#disconnect();
        clearInterval(this.#watchTimer);
        this.#setState("ended", detail);
    }

    #disconnect() {
        this.#source?.close();
        this.#source = null;
        this.#probe?.abort();
        this.#probe = null;
        clearTimeout(this.#retryTimer);
        this.#retryTimer = 0;
    }

    #url() {
        if (!this.#cursor) {
            return streamUrl(this.#name, this.#params);
        }
        const { last, ...params } = this.#params;
        return streamUrl(this.#name, { ...params, from: this.#cursor });
    }

    #connect() {
        const source = new EventSource(this.#url());
        this.#source = source;
        this.#lastEventAt = 0;

        source.onopen = () => {
            this.#failures = 0;
            this.#isBusy = false;
            this.#lastEventAt = Date.now();
            this.#setState("live");
        };
        source.onerror = () => this.#failed(source);
        for (const name of this.#names) {
            source.addEventListener(name, (event) => this.#take(event));
        }
        source.addEventListener("stream.gap", (event) => this.#takeGap(event));
        source.addEventListener("stream.busy", (event) => {
            this.#isBusy = true;
            this.#setState("busy", parseObject(event.data).reason ?? "");
        });
        source.addEventListener("stream.end", (event) => {
            this.#keepCursor(event);
            this.#stop("the source is finished");
        });
    }

    #keepCursor(event) {
        this.#cursor = event.lastEventId || this.#cursor;
        const now = Date.now();
        if (this.#lastEventAt) {
            this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#lastEventAt);
        }
        this.#lastEventAt = now;
    }

    #take(event) {
        this.#keepCursor(event);
        this.#onEvent({ name: event.type, data: event.data, position: event.lastEventId });
    }

    #takeGap(event) {
        this.#keepCursor(event);
        this.#onGap({ reason: "unknown", ...parseObject(event.data), position: event.lastEventId });
    }

    #failed(source) {
        if (source.readyState === EventSource.CONNECTING) {
            // The browser tries again by itself, after the server's `retry:`.
            if (!this.#isBusy) {
                this.#setState("retrying", "connection lost");
            }
            return;
        }
        this.#retryLater("refused");
    }

    #retryLater(detail) {
        this.#disconnect();
        const backoffMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures);
        // Spread, so that the readers of a restarted server do not come back all at once.
        const waitMs = backoffMs * (0.8 + 0.4 * Math.random());
        this.#failures++;
        this.#setState("retrying", detail, Date.now() + waitMs);
        this.#retryTimer = setTimeout(() => this.#ask(), waitMs);
    }

    // EventSource does not tell why it gave up, and does not tell 204 (finished) from 503. So the
    // answer's status is looked at first, and the stream opened only when there is one.
    async #ask() {
        this.#retryTimer = 0;
        const probe = new AbortController();
        this.#probe = probe;
        let status = 0;
        try {
            const response = await fetch(this.#url(), { signal: probe.signal, cache: "no-store" });
            status = response.status;
        } catch {
            // No answer: status stays 0.
        }
        if (this.#probe !== probe) {
            return; // closed meanwhile
        }
        this.#probe = null;
        probe.abort();

        if (status === 200) {
            this.#connect();
        } else if (status === 204) {
            this.#stop("the source is finished");
        } else if (status === 400 && this.#cursor) {
            // The server can't make sense of our position any more.
            this.#cursor = "";
            this.#onGap({ reason: "unknown-position", position: "" });
            this.#retryLater("position refused");
        } else {
            this.#retryLater(status ? `the server answered ${status}` : "no answer");
        }
    }

    #watch() {
        if (this.#state.name !== "live" || !this.#lastEventAt) {
            return;
        }
        const limitMs = Math.max(this.#staleMs, 3 * this.#longestPauseMs);
        if (Date.now() - this.#lastEventAt > limitMs) {
            this.#disconnect();
            this.#setState("stale", "silent for too long");
            this.#connect();
        }
    }

    #setState(name, detail = "", retryAt = 0) {
        this.#state = { name, detail, retryAt };
        this.#onState(this.#state);
    }
}

/** What a stream.* event says; an empty object when it can't be read. */
export function parseObject(text) {
    try {
        const value = JSON.parse(text);
        return value !== null && typeof value === "object" ? value : {};
    } catch {
        return {};
    }
}
