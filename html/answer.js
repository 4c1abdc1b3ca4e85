// SPDX-License-Identifier: MIT
// answer: asks a stream that answers requests, and reads the answer however often it is cut.
//
//     import { Answer } from "./answer.js";
//
//     const answer = new Answer({
//         onEvent: (event) => console.log(event.data),
//         onEnd: (end) => console.log(end.refused ? `refused: ${end.error}` : "complete"),
//     });
//     answer.ask("answer", "What is a gap?");
//
// The question goes out by fetch(), since EventSource cannot POST, and the answer is read from the
// same response. It has an address: when the connection is lost, a GET of that address goes on after
// the last event that was had. What must outlive the page is `url` and `position`: resume() takes
// them up again.

import { parseObject, streamUrl } from "./ssecgi.js";

/** @typedef {import("./ssecgi.js").State} State */
/** @typedef {import("./ssecgi.js").Gap} Gap */
/** @typedef {import("./ssecgi.js").StreamEvent} StreamEvent */

/**
 * How an answer ended: what `stream.end` says, or what was answered instead of a stream.
 *
 * @typedef {object} End
 * @property {number} [refused] the HTTP status that came instead of a stream; 0: there was none
 * @property {string} [error]   a sentence
 * @property {number} [retry_after] seconds
 * @property {number | string} [status] of the program: 0 is good; of a language model: "ok"
 * @property {string} [signal]
 * @property {string} [limit]   the setting that ended it
 * @property {string} [reason]  a word: "cancelled", "interrupted", ...
 *
 * @typedef {object} AnswerOptions
 * @property {(url: string) => void} [onStarted] it has an address now
 * @property {(event: StreamEvent) => void} [onEvent] among them stream.queued and stream.started
 * @property {(gap: Gap) => void} [onGap]
 * @property {(state: State) => void} [onState]
 * @property {(end: End) => void} [onEnd] once
 */

const retryMinMs = 1000;
const retryMaxMs = 30000;
const silenceMs = 60000; // a heartbeat is due every 15 s, unless the server was told otherwise

/** Cuts the text of an event stream into events, as EventSource does (HTML, 9.2.6). */
export class EventParser {
    #rest = "";
    #id = "";
    #name = "";
    #data = [];

    /** The position after the last whole block; "" when there was none. */
    position = "";
    /** What the server asked to wait before coming back; 0 when it did not. */
    retryMs = 0;

    /**
     * @param {string} text
     * @returns {StreamEvent[]} those that are whole now
     */
    push(text) {
        // A CR at the very end may be half of a CRLF: it waits for what follows.
        const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
        this.#rest = lines.pop();
        const events = [];
        for (const line of lines) {
            if (line !== "") {
                this.#take(line);
                continue;
            }
            this.position = this.#id;
            if (this.#data.length > 0) {
                const [name, data] = [this.#name || "message", this.#data.join("\n")];
                events.push({ name, data, position: this.position });
            }
            this.#name = "";
            this.#data = [];
        }
        return events;
    }

    #take(line) {
        const [, field, value] = /^([^:]*)(?:: ?)?(.*)$/su.exec(line);
        if (field === "data") {
            this.#data.push(value);
        } else if (field === "event") {
            this.#name = value;
        } else if (field === "id" && !value.includes("\0")) {
            this.#id = value;
        } else if (field === "retry" && /^\d+$/.test(value)) {
            this.retryMs = Number(value);
        }
    }
}

/** One answer, from the question to its end. */
export class Answer {
    #onStarted;
    #onEvent;
    #onGap;
    #onState;
    #onEnd;

    /** @type {AbortController | null} the request that is being read */
    #reading = null;
    #url = "";
    #position = "";
    #retryMs = 0;
    #retryTimer = 0;
    #silenceTimer = 0;
    #failures = 0;
    #isStopWanted = false;
    #isOver = false;

    /** @param {AnswerOptions} [options] */
    constructor(options = {}) {
        this.#onStarted = options.onStarted ?? (() => {});
        this.#onEvent = options.onEvent ?? (() => {});
        this.#onGap = options.onGap ?? (() => {});
        this.#onState = options.onState ?? (() => {});
        this.#onEnd = options.onEnd ?? (() => {});
    }

    /** The answer's address, "" until there is one. */
    get url() {
        return this.#url;
    }

    /** The position of the last event. */
    get position() {
        return this.#position;
    }

    /**
     * Asks. A question is sent once: when nothing came back, nobody knows whether it arrived.
     *
     * @param {string} name the stream
     * @param {string} body
     * @param {object} [options]
     * @param {string} [options.type] the body's media type
     * @param {boolean} [options.isPlain] the response has no positions (format "openai"): it is left, and
     *     the answer's address is read
     */
    async ask(name, body, { type = "text/plain; charset=utf-8", isPlain = false } = {}) {
        const reading = this.#begin();
        const response = await fetch(streamUrl(name), {
            method: "POST",
            headers: { "Content-Type": type },
            body,
            cache: "no-store",
            signal: reading.signal,
        }).catch(() => null);
        if (this.#reading !== reading) {
            return; // closed meanwhile
        }
        const url = response?.headers.get("Content-Location");
        if (!response?.ok || !url) {
            this.#end(await refusal(response));
            return;
        }
        this.#url = new URL(url, response.url).href;
        this.#onStarted(this.#url);
        if (this.#isStopWanted) {
            this.stop().catch((error) => this.#end({ refused: 0, error: error.message }));
        } else if (isPlain) {
            reading.abort();
            this.#connect();
        } else {
            this.#read(response, reading);
        }
    }

    /** Reads on after a position; from the beginning when that is "". */
    resume(url, position) {
        this.#url = url;
        this.#position = position;
        this.#failures = 0;
        this.#connect();
    }

    /** Stops the answer for good, whoever else reads it. Throws when that could not be done. */
    async stop() {
        if (!this.#url) {
            this.#isStopWanted = true;
            return;
        }
        const response = await fetch(this.#url, { method: "DELETE" }).catch(() => null);
        if (!response?.ok && response?.status !== 404) {
            throw new Error((await refusal(response)).error);
        }
        this.#end({ reason: "cancelled" });
    }

    /** Leaves. The answer goes on, and can be resumed. */
    close() {
        this.#reading?.abort();
        this.#reading = null;
        clearTimeout(this.#retryTimer);
        clearTimeout(this.#silenceTimer);
    }

    #begin() {
        this.close();
        this.#reading = new AbortController();
        this.#onState({ name: "connecting", detail: "", retryAt: 0 });
        return this.#reading;
    }

    #end(end) {
        if (this.#isOver) {
            return;
        }
        this.#isOver = true;
        this.close();
        this.#onState({ name: "ended", detail: "", retryAt: 0 });
        this.#onEnd(end);
    }

    async #connect() {
        const reading = this.#begin();
        this.#expect(reading);
        const response = await fetch(this.#url, {
            headers: this.#position ? { "Last-Event-ID": this.#position } : {},
            cache: "no-store",
            signal: reading.signal,
        }).catch(() => null);
        if (this.#reading !== reading) {
            return;
        }
        const status = response?.status ?? 0;
        if (status === 200) {
            this.#read(response, reading);
        } else if (status === 204) {
            this.#end({}); // we had the end
        } else if (status >= 400 && status < 500 && status !== 429) {
            this.#end(await refusal(response));
        } else {
            this.#retryLater(status ? `the server answered ${status}` : "no answer");
        }
    }

    async #read(response, reading) {
        const parser = new EventParser();
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        this.#onState({ name: "live", detail: "", retryAt: 0 });
        for (;;) {
            this.#expect(reading);
            const piece = await reader.read().catch(() => ({ done: true }));
            const events = piece.done ? [] : parser.push(piece.value);
            this.#retryMs = parser.retryMs || this.#retryMs;
            for (const event of events) {
                if (this.#reading !== reading) {
                    return;
                }
                this.#take(event);
            }
            if (this.#reading !== reading) {
                return;
            }
            this.#position = parser.position || this.#position;
            if (piece.done) {
                this.#retryLater("connection lost");
                return;
            }
        }
    }

    #take(event) {
        this.#failures = 0;
        this.#position = event.position || this.#position;
        if (event.name === "stream.end") {
            this.#end(parseObject(event.data));
        } else if (event.name === "stream.gap") {
            const gap = parseObject(event.data);
            this.#onGap({ reason: "unknown", ...gap, position: event.position });
        } else if (event.name === "stream.busy") {
            const detail = String(parseObject(event.data).reason ?? "");
            this.#onState({ name: "busy", detail, retryAt: 0 });
        } else {
            this.#onEvent(event);
        }
    }

    // Heartbeats are bytes too: who sends none is gone.
    #expect(reading) {
        clearTimeout(this.#silenceTimer);
        this.#silenceTimer = setTimeout(() => reading.abort(), silenceMs);
    }

    #retryLater(detail) {
        this.close();
        const firstMs = this.#retryMs || retryMinMs;
        const backoffMs = Math.max(firstMs, Math.min(retryMaxMs, firstMs * 2 ** this.#failures));
        // Spread, so that the readers of a restarted server do not come back all at once.
        const waitMs = backoffMs * (0.8 + 0.4 * Math.random());
        this.#failures++;
        this.#onState({ name: "retrying", detail, retryAt: Date.now() + waitMs });
        this.#retryTimer = setTimeout(() => this.#connect(), waitMs);
    }
}

// What a response says that is no stream; `response` is null when there was none.
async function refusal(response) {
    const said = Object(await response?.json().catch(() => null));
    return {
        refused: response?.status ?? 0,
        error: typeof said.error === "string" ? said.error : "",
        retry_after: Number(response?.headers.get("Retry-After")) || 0,
    };
}
