// SPDX-License-Identifier: MIT
// feed: the page's side of a stream: follows it through the hub, and asks for stretches of history.

import { workerUrl } from "../trusted.js";
import { late } from "./late.js";

// Part of the worker's name: pages of another version get a hub of their own.
const hubName = "ssecgi log 1";
const helloMs = 5000;
const retryMs = 2000; // when the hub could not even be loaded
const aliveMs = 5000; // in which the hub has to answer

const history = late(() => import("./history.js"));

// Resolves when the hub has greeted, with null when it will not.
function greeted(port, worker) {
    return new Promise((resolve) => {
        setTimeout(resolve, helloMs, null);
        if (worker) {
            worker.onerror = () => resolve(null);
        }
        port.onmessage = ({ data }) => resolve({ port, hasLocks: data.hasLocks });
    });
}

async function connectShared() {
    try {
        const worker = new SharedWorker(workerUrl("hub"), { type: "module", name: hubName });
        return await greeted(worker.port, worker);
    } catch {
        return null; // there is none, or it may not be had
    }
}

async function connectOwn() {
    const { Hub } = await import("./hub.js");
    const { port1, port2 } = new MessageChannel();
    new Hub({ pings: false }).connect(port1);
    return greeted(port2);
}

// A lock is free for the hub when this page is gone, however it went.
function holdLock(port) {
    const name = `ssecgi page ${Date.now()} ${Math.random()}`;
    const held = navigator.locks?.request(name, () => {
        port.postMessage({ do: "lock", name });
        return new Promise(() => {});
    });
    held?.catch(() => {});
}

export class Feed {
    #target;
    #options;
    #port = null;
    #connecting = null;
    #isShared = false;
    #turn = 0;
    #isFollowing = false;
    #start = {};
    #cursor = "";
    #isAlive = true; // the hub has answered

    /** @param {import("./types.d.ts").FeedOptions} options */
    constructor(name, options) {
        this.#target = { name, params: options.params ?? {}, base: options.base };
        this.#options = { onState: () => {}, isShared: true, aliveMs, ...options };
        globalThis.addEventListener?.("pagehide", () => this.#post({ do: "stop" }));
        globalThis.addEventListener?.("pageshow", (event) => event.persisted && this.#again());
    }

    get isShared() {
        return this.#isShared;
    }

    get isFollowing() {
        return this.#isFollowing;
    }

    get cursor() {
        return this.#cursor;
    }

    /** Begins, or begins anew. @param {{from?: string, last?: number}} start */
    follow(start) {
        this.#isFollowing = true;
        this.#start = start;
        this.#cursor = start.from ?? "";
        this.#ask();
    }

    /** Parks: nothing more comes until follow(). */
    stop() {
        this.#isFollowing = false;
        this.#turn++;
        this.#post({ do: "stop" });
    }

    /** Stops for good. */
    close() {
        this.stop();
        this.#post({ do: "bye" });
        this.#port?.close();
        this.#port = null;
    }

    /** See fetchPage() in history.js. */
    async page(before, count) {
        return (await history()).fetchPage(this.#target, before, count);
    }

    /** See fetchRange() there. */
    async range(from, until, count) {
        return (await history()).fetchRange(this.#target, { from, until, count });
    }

    /** See searchHistory() there. */
    search(query, callbacks) {
        const search = history().then((it) => it.searchHistory(this.#target, query, callbacks));
        search.catch((error) => callbacks.onEnd?.(error.message));
        return { cancel: () => search.then((it) => it.cancel(), () => {}) };
    }

    #again() {
        if (this.#isFollowing) {
            this.#start = this.#cursor ? { from: this.#cursor } : this.#start;
            this.#ask();
        }
    }

    async #ask() {
        const turn = ++this.#turn;
        if (!this.#port) {
            this.#connecting ??= this.#connect().finally(() => (this.#connecting = null));
            try {
                await this.#connecting;
            } catch {
                setTimeout(() => turn === this.#turn && this.#ask(), retryMs);
                return;
            }
        }
        if (turn === this.#turn) {
            this.#post({ do: "follow", turn, target: this.#target, start: this.#start });
        }
    }

    async #connect() {
        const shared = this.#options.isShared ? await connectShared() : null;
        const { port, hasLocks } = shared ?? (await connectOwn());
        this.#isShared = shared !== null;
        this.#port = port;
        port.onmessage = ({ data }) => this.#take(data);
        if (shared && hasLocks) {
            holdLock(port);
        }
        if (shared) {
            this.#watch(port);
        }
    }

    // A hub lives in the process of the page that came first, and dies with it when that crashes.
    #watch(port) {
        this.#isAlive = true;
        const timer = setInterval(() => {
            if (this.#port !== port) {
                clearInterval(timer);
            } else if (this.#isAlive) {
                this.#isAlive = false;
                this.#post({ do: "ping" });
            } else {
                this.#post({ do: "bye" });
                this.#port = null;
                clearInterval(timer);
                this.#again();
            }
        }, this.#options.aliveMs);
    }

    #post(message) {
        this.#port?.postMessage(message);
    }

    #take(message) {
        this.#isAlive = true;
        if (message.is === "ping") {
            this.#post({ do: "pong" });
        } else if (message.is === "gone") {
            // The page slept for so long that the hub gave it up.
            this.#port = null;
            this.#again();
        } else if (message.turn === this.#turn && this.#isFollowing) {
            this.#takeOfTurn(message);
        }
    }

    #takeOfTurn({ is, batch, state }) {
        if (is === "state") {
            this.#options.onState(state);
            return;
        }
        this.#cursor = batch.position || this.#cursor;
        if (batch.count > 0) {
            const turn = this.#turn;
            const work = async () => this.#options.onBatch(batch);
            work().finally(() => this.#post({ do: "ack", turn }));
        }
    }
}
