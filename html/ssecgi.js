// SPDX-License-Identifier: MIT
// ssecgi: reads a stream and, when it is cut, reads on where it stopped: doc/client.md

export const eventsUrl = new URL("events/", import.meta.url);

const retryFirstMs = 1000;
const retryLeastMs = 100;
const retryMostMs = 30000;
const refusedMs = 15000;
const steadyMs = 10000; // so long, a connection was good
const staleMs = 35000; // heartbeats are due every 15 s
const finished = "the source is finished";
const dayMs = 86400000; // timers count to 24

export async function listStreams(base) {
    const response = await fetch(streamUrl("", {}, base), { cache: "no-store" });
    if (!response.ok) {
        throw new Error(`the server answered ${response.status}`);
    }
    const { streams } = await response.json();
    if (!Array.isArray(streams)) {
        throw new Error("no list");
    }
    return streams;
}

export function isAnswering(info) {
    return Array.isArray(info.methods) && !info.methods.includes("GET");
}

function setParams(url, params) {
    for (const [key, value] of Object.entries(params)) {
        if (value !== undefined) {
            url.searchParams.set(key, value);
        }
    }
    return url;
}

function toUrl(url) {
    return new URL(url, globalThis.location?.href);
}

export function streamUrl(name, params = {}, base = eventsUrl) {
    const url = toUrl(base);
    url.pathname = url.pathname.replace(/\/*$/, "/");
    if (Array.isArray(name)) {
        name.forEach((each) => url.searchParams.append("stream", each));
    } else {
        const parts = name.split("/").map((part) => part.replace(/^\.\.?$/, "_"));
        url.pathname += parts.map(encodeURIComponent).join("/");
    }
    return setParams(url, params);
}

export function parseObject(text) {
    try {
        return Object(JSON.parse(text));
    } catch {
        return {};
    }
}

/** Parses the text format (WHATWG HTML 9.2.6) of one connection. */
export function textParser(id = "") {
    const decoder = new TextDecoder();
    let rest = ""; // of a line whose end is to come
    let isAfterCr = false;
    let name = "";
    let data = [];

    function take(line, found) {
        const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (line === "") {
            // Without data it is no event, but the id counts.
            const event = data.length > 0 && { name: name || "message", data: data.join("\n") };
            found.push({ ...event, position: id });
            name = "";
            data = [];
        } else if (field === "data") {
            data.push(value);
        } else if (field === "event") {
            name = value;
        } else if (field === "id" && !value.includes("\0")) {
            id = value;
        } else if (field === "retry" && /^\d+$/.test(value)) {
            found.push({ retry: Number(value) });
        }
    }

    return (bytes) => {
        const text = decoder.decode(bytes, { stream: true });
        const found = [];
        if (text) {
            // A CR ends a line at once; its LF may come with the next bytes.
            const lines = text.slice(isAfterCr && text[0] === "\n" ? 1 : 0).split(/\r\n?|\n/);
            isAfterCr = text.endsWith("\r");
            lines[0] = rest + lines[0];
            rest = lines.pop();
            lines.forEach((line) => take(line, found));
        }
        return found;
    };
}

// A callback's error is told as the browser tells any, and the stream goes on.
function report(error) {
    setTimeout(() => {
        throw error;
    });
}

function retryAfterMs(headers) {
    const text = headers.get("Retry-After");
    return Number(text) * 1000 || Date.parse(text) - Date.now() || 0;
}

export class Stream {
    #name;
    #options;
    #params;
    #cursor;
    #isNative;
    #names;

    #reading = null; // aborts the connection that is had or being made
    #retryTimer = 0;
    #staleTimer = 0;
    #retryMs = retryFirstMs;
    #failures = 0;
    #liveAt = Infinity;
    #state = { name: "ended", detail: "not opened", retryAt: 0 };

    constructor(name, options = {}) {
        const { from = "", ...params } = { ...options.params };
        this.#name = name;
        this.#options = { ...options };
        this.#params = params;
        this.#cursor = options.from ?? from;
        this.#isNative = options.mode === "eventsource";
        this.#names = options.names ?? (options.parse && "*");
    }

    get cursor() {
        return this.#cursor;
    }

    get state() {
        return this.#state;
    }

    get url() {
        return this.#address(this.#params).href;
    }

    open() {
        if (!this.#reading && !this.#retryTimer) {
            this.#failures = 0;
            this.#connect();
            this.#setState("connecting");
        }
    }

    close() {
        this.#stop("closed");
    }

    #stop(detail, more) {
        this.#disconnect();
        this.#setState("ended", detail, more);
    }

    #disconnect() {
        this.#reading?.abort();
        this.#reading = null;
        clearTimeout(this.#staleTimer);
        clearTimeout(this.#retryTimer);
        this.#retryTimer = 0;
    }

    #address(params) {
        const { url, base } = this.#options;
        return url ? setParams(toUrl(url), params) : streamUrl(this.#name, params, base);
    }

    // It is not sent again: who knows what it did?
    get #isOnce() {
        return (this.#options.method ?? "GET") !== "GET";
    }

    #connect() {
        const cursor = this.#cursor;
        if (cursor) {
            // These say where to begin, and it has begun.
            Object.assign(this.#params, { last: undefined, since: undefined });
        }
        // Other servers know the header only; EventSource can't send it.
        const isInHeader = this.#options.url && !this.#isNative;
        const from = (!isInHeader && cursor) || undefined;
        const url = this.#address({ ...this.#params, from });
        const reading = new AbortController();
        this.#reading = reading;
        this.#liveAt = Infinity;
        this.#expect();
        if (this.#isNative) {
            this.#listen(url, reading);
            return;
        }
        this.#fetch(url, isInHeader && cursor, reading).catch(() => {
            if (this.#reading === reading) {
                this.#retryLater(this.#liveAt < Infinity ? "connection lost" : "no answer");
            }
        });
    }

    async #fetch(url, lastId, reading) {
        const { method, body, credentials, headers } = this.#options;
        const all = new Headers(headers);
        all.set("Accept", "text/event-stream");
        if (!body) {
            all.delete("Content-Type");
        }
        if (lastId) {
            all.set("Last-Event-ID", lastId);
        }
        const response = await fetch(url, {
            method,
            headers: all,
            body,
            credentials,
            cache: "no-store",
            signal: reading.signal,
        });
        if (response.ok && this.#isOnce) {
            this.#moveTo(response);
        }
        await this.#call("onResponse", response);
        if (this.#reading === reading) {
            await this.#judge(response, reading);
        }
    }

    // What a POST began is read on at its address.
    #moveTo({ headers, url }) {
        const place = headers.get("Content-Location") ?? headers.get("Location");
        const address = new URL(place ?? "", url);
        if (place && address.origin === new URL(url).origin) {
            Object.assign(this.#options, { url: address, method: "GET", body: undefined });
            this.#params = {};
        }
    }

    async #judge(response, reading) {
        const { status, headers } = response;
        if (status === 204) {
            this.#stop(finished, { status });
        } else if (status === 200 && /^text\/event-stream/i.test(headers.get("Content-Type"))) {
            this.#goLive();
            await this.#read(response.body.getReader(), reading);
        } else if (status === 400 && this.#cursor && !this.#isOnce) {
            // The position means nothing any more.
            this.#cursor = "";
            this.#disconnect();
            this.#connect();
            this.#call("onGap", { reason: "unknown-position", position: "" });
        } else {
            const leastMs = status >= 500 || status === 429 ? 0 : refusedMs;
            const { error } = response.ok
                ? { error: "not with a stream of events" }
                : parseObject(await response.text().catch(() => ""));
            if (this.#reading === reading) {
                const why = error?.message ?? error ?? "";
                const detail = `the server answered ${status}${why && `: ${why}`}`;
                this.#retryLater(detail, Math.max(leastMs, retryAfterMs(headers)), { status });
            }
        }
    }

    #goLive() {
        this.#liveAt = Date.now();
        this.#expect();
        this.#setState("live");
    }

    async #read(reader, reading) {
        const parse = (this.#options.parse ?? textParser)(this.#cursor);
        while (this.#reading === reading) {
            this.#expect();
            const { done, value } = await reader.read();
            if (this.#reading !== reading) {
                return;
            }
            clearTimeout(this.#staleTimer); // the page may take its time
            if (done) {
                throw new Error("cut");
            }
            for (const item of parse(value)) {
                await this.#take(item);
                if (this.#reading !== reading) {
                    return;
                }
            }
        }
    }

    #listen(url, reading) {
        const source = new EventSource(url, {
            withCredentials: this.#options.credentials === "include",
        });
        reading.signal.onabort = () => source.close();
        source.onopen = () => this.#goLive();
        source.onerror = () => {
            if (source.readyState === EventSource.CLOSED) {
                this.#isNative = false; // it gave up without telling why: fetch() is told
                this.#retryLater("refused");
            } else {
                this.#setState("retrying", "connection lost"); // the browser does
            }
        };
        const names = [this.#names ?? "message", "stream.gap", "stream.busy", "stream.end"].flat();
        for (const name of new Set(names)) {
            source.addEventListener(name, ({ data, lastEventId }) => {
                this.#expect();
                this.#take({ name, data, position: lastEventId || this.#cursor });
            });
        }
    }

    #take(item) {
        const { name, data, position = this.#cursor, retry = this.#retryMs } = item;
        this.#retryMs = retry;
        this.#cursor = position;
        if (!name) {
            return undefined;
        }
        const isOurs = /^stream\./.test(name);
        const said = isOurs && parseObject(data);
        if (name === "stream.busy") {
            const leastMs = this.#isNative ? refusedMs : 0; // retry is hidden
            return this.#retryLater(said.reason, leastMs, { data: said }, "busy");
        }
        this.#failures = 0;
        if (name === "stream.end") {
            return this.#stop(finished, { data: said });
        }
        if (name === "stream.gap") {
            return this.#call("onGap", { reason: "unknown", ...said, position });
        }
        const names = this.#names;
        const isWanted = names ? names === "*" || names.includes(name) : !isOurs;
        return isWanted ? this.#call("onEvent", item) : undefined;
    }

    // Heartbeats are bytes, too: who sends none is gone.
    #expect() {
        clearTimeout(this.#staleTimer);
        const limitMs = this.#options.staleMs ?? (this.#isNative ? 0 : staleMs);
        if (limitMs > 0 && !this.#isOnce) {
            this.#staleTimer = setTimeout(() => {
                this.#disconnect();
                this.#connect();
                this.#setState("stale", "silent for too long");
            }, limitMs);
        }
    }

    #retryLater(detail, leastMs = 0, more = {}, name = "retrying") {
        if (this.#isOnce) {
            this.#stop(detail, more);
            return;
        }
        this.#disconnect();
        if (Date.now() - this.#liveAt > steadyMs) {
            this.#failures = 0;
        }
        const firstMs = Math.max(this.#retryMs, retryLeastMs);
        const backoffMs = Math.min(retryMostMs, firstMs * 2 ** this.#failures++);
        // Spread, so that not all come back at once; never earlier than asked for.
        const waitMs = Math.max(firstMs, backoffMs, leastMs) * (1 + Math.random() / 4);
        const dueMs = Math.min(dayMs, waitMs);
        this.#retryTimer = setTimeout(() => this.#connect(), dueMs);
        this.#setState(name, detail, { ...more, retryAt: Date.now() + dueMs });
    }

    #call(name, value) {
        try {
            return this.#options[name]?.(value)?.then?.(null, report);
        } catch (error) {
            return report(error);
        }
    }

    #setState(name, detail = "", more = {}) {
        this.#state = { name, detail, retryAt: 0, ...more };
        this.#call("onState", this.#state);
    }
}
