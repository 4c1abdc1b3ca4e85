// SPDX-License-Identifier: MIT
// client_rig: a network and a clock that a test moves by hand, for what the client does in time.

import { mock } from "node:test";

export const page = "http://server.example/events/clock";

// Lets everything happen that needs no timer.
export async function settle() {
    for (let i = 0; i < 20; i++) {
        await new Promise((resolve) => setImmediate(resolve));
    }
}

/** A request that the client made, and the hand that answers it. */
class Call {
    #resolve;
    #reject;
    #controller;

    constructor(url, init, resolve, reject) {
        this.url = new URL(url);
        this.init = init;
        this.headers = new Headers(init.headers);
        this.isAborted = false;
        this.#resolve = resolve;
        this.#reject = reject;
        init.signal?.addEventListener("abort", () => {
            this.isAborted = true;
            this.fail();
        });
    }

    get query() {
        return Object.fromEntries(this.url.searchParams);
    }

    answer(status, { headers = {}, body = null } = {}) {
        const response = new Response(body, { status, headers });
        Object.defineProperty(response, "url", { value: this.url.href });
        this.#resolve(response);
        return settle();
    }

    /** Answers with a stream that send() writes. */
    stream(text = "", headers = {}) {
        const body = new ReadableStream({ start: (controller) => (this.#controller = controller) });
        this.answer(200, { headers: { "Content-Type": "text/event-stream", ...headers }, body });
        return this.send(text);
    }

    send(text) {
        this.#controller.enqueue(new TextEncoder().encode(text));
        return settle();
    }

    end() {
        this.#controller.close();
        return settle();
    }

    /** No answer, or no more of it. */
    fail() {
        const error = new TypeError("network error");
        this.#reject(error);
        try {
            this.#controller?.error(error);
        } catch {
            // It has ended before.
        }
        return settle();
    }
}

/** Takes the place of fetch() and of the clock; restore() gives them back. */
export class Net {
    calls = [];
    #fetch = globalThis.fetch;

    constructor() {
        mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1e12 });
        globalThis.fetch = (url, init = {}) =>
            new Promise((resolve, reject) => this.calls.push(new Call(url, init, resolve, reject)));
    }

    /** The newest request. */
    get call() {
        return this.calls.at(-1);
    }

    async pass(ms) {
        mock.timers.tick(ms);
        await settle();
    }

    restore() {
        mock.timers.reset();
        globalThis.fetch = this.#fetch;
    }
}

/** Notes what a stream tells: `told` of events, gaps and states in order. */
export function listener(options = {}) {
    const notes = { events: [], gaps: [], states: [] };
    return {
        notes,
        options: {
            url: page,
            onEvent: (event) => void notes.events.push(event),
            onGap: (gap) => notes.gaps.push(gap),
            onState: (state) => notes.states.push(state.name),
            ...options,
        },
    };
}
