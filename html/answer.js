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
// What carries the question carries the answer, too, and the answer has an address: when the connection
// is lost, a GET of that address goes on after the last event that was had. What must outlive the page
// is `url` and `position`: resume() takes them up again.

import { Stream, streamUrl } from "./ssecgi.js";

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

/** One answer, from the question to its end. */
export class Answer {
    #options;

    /** @type {Stream | null} what it is read by; null while it is left */
    #stream = null;
    #url = "";
    #position = "";
    #isStopWanted = false;
    #isOver = false;

    /** @param {AnswerOptions} [options] */
    constructor(options = {}) {
        this.#options = { ...options };
    }

    /** The answer's address, "" until there is one. */
    get url() {
        return this.#url;
    }

    /** The position of the last event. */
    get position() {
        return this.#stream?.cursor ?? this.#position;
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
    ask(name, body, { type = "text/plain; charset=utf-8", isPlain = false } = {}) {
        const url = streamUrl(name).href;
        const headers = { "Content-Type": type };
        this.close();
        this.#read({ url, method: "POST", headers, body }, (response, stream) => {
            if (this.#url) {
                return this.#look(response, stream); // cut since, and read at its address
            }
            const isBegun = response.ok && stream.url !== url;
            return isBegun ? this.#begin(stream, isPlain) : this.#refuse(response, stream);
        });
    }

    /** Reads on after a position; from the beginning when that is "". */
    resume(url, position) {
        this.close();
        this.#url = url;
        this.#position = position;
        this.#read({ url, from: position }, (response, stream) => this.#look(response, stream));
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
        const stream = this.#stream;
        this.#position = this.position;
        this.#stream = null; // so what its closing says concerns nobody
        stream?.close();
    }

    #read(options, onResponse) {
        const stream = new Stream("", {
            ...options,
            names: "*",
            onResponse: (response) => onResponse(response, stream),
            onEvent: this.#options.onEvent,
            onGap: this.#options.onGap,
            onState: (state) => this.#stream === stream && this.#takeState(state),
        });
        this.#stream = stream;
        stream.open();
    }

    // The question was taken: the stream has moved to the answer's address.
    async #begin(stream, isPlain) {
        this.#url = stream.url;
        this.#options.onStarted?.(this.#url);
        if (this.#isStopWanted) {
            await this.stop().catch((error) => this.#end({ refused: 0, error: error.message }));
        } else if (isPlain && this.#stream === stream) {
            this.resume(this.#url, "");
        }
    }

    // An answer that may not be read, or is gone, does not come back.
    #look(response, stream) {
        const { status } = response;
        const isFinal = status >= 400 && status < 500 && status !== 429;
        return isFinal ? this.#refuse(response, stream) : undefined;
    }

    async #refuse(response, stream) {
        const end = await refusal(response);
        if (this.#stream === stream) {
            this.#end(end);
        }
    }

    #takeState(state) {
        if (state.name !== "ended") {
            this.#options.onState?.(state);
        } else if (this.#url) {
            this.#end(state.data ?? {}); // without: we had the end
        } else {
            this.#end({ refused: 0, error: "", retry_after: 0 });
        }
    }

    #end(end) {
        if (!this.#isOver) {
            this.#isOver = true;
            this.close();
            this.#options.onState?.({ name: "ended", detail: "", retryAt: 0 });
            this.#options.onEnd?.(end);
        }
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
