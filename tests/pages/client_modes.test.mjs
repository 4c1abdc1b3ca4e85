// SPDX-License-Identifier: MIT
// client_modes.test: the client module with a parser of the page's own, with POST, and on the browser's EventSource.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Stream } from "../../html/ssecgi.js";
import { Net, listener, page } from "./client_rig.mjs";

/* --- a parser of the page's own ------------------------------------------------------------ */

// Makes one item of each piece of bytes, which is JSON.
function jsonParser(made = []) {
    return (cursor) => {
        made.push(cursor);
        return (bytes) => [JSON.parse(new TextDecoder().decode(bytes))].flat();
    };
}

async function withNet(body) {
    const net = new Net();
    const open = [];
    const begin = (options) => {
        const { notes, options: all } = listener(options);
        const stream = new Stream("", all);
        open.push(stream);
        stream.open();
        return { stream, notes };
    };
    try {
        await body(net, begin);
    } finally {
        open.forEach((stream) => stream.close());
        net.restore();
    }
}

test("a parser is made for each connection, at the cursor of then", () =>
    withNet(async (net, begin) => {
        const made = [];
        const { notes, stream } = begin({ parse: jsonParser(made) });
        await net.call.stream("{}");
        await net.call.send('{"name": "lines", "position": "p5", "lines": [1, 2]}');
        assert.deepEqual(notes.events, [{ name: "lines", position: "p5", lines: [1, 2] }]);
        assert.equal(stream.cursor, "p5");
        await net.call.end();
        await net.pass(2000);
        await net.call.stream("{}");
        assert.deepEqual(made, ["", "p5"]);
        assert.equal(net.call.headers.get("Last-Event-ID"), "p5");
    }));

test("items without a name set the cursor and the retry time only", () =>
    withNet(async (net, begin) => {
        const { notes, stream } = begin({ parse: jsonParser() });
        await net.call.stream('[{"name": "", "position": "p1", "retry": 7000}, {"retry": 8000}]');
        await net.call.end();
        assert.deepEqual([notes.events, stream.cursor], [[], "p1"]);
        assert.ok(stream.state.retryAt - Date.now() >= 8000);
    }));

test("with a parser the server's own events arrive, too, but those that are dealt with", () =>
    withNet(async (net, begin) => {
        const { notes, stream } = begin({ parse: jsonParser() });
        await net.call.stream('{"name": "stream.progress", "data": "{}"}');
        await net.call.send('{"name": "stream.gap", "data": "{}", "position": "p2"}');
        await net.call.send('{"name": "stream.end", "data": "{}", "position": "p3"}');
        assert.deepEqual(notes.events.map((event) => event.name), ["stream.progress"]);
        assert.deepEqual(notes.gaps, [{ reason: "unknown", position: "p2" }]);
        assert.deepEqual([stream.state.name, stream.cursor], ["ended", "p3"]);
    }));

test("a parser that throws costs the connection, not the stream", () =>
    withNet(async (net, begin) => {
        const { stream } = begin({ parse: jsonParser(), from: "p1" });
        await net.call.stream("?");
        assert.equal(stream.state.name, "retrying");
        assert.equal(net.call.isAborted, true);
        await net.pass(2000);
        assert.equal(net.call.headers.get("Last-Event-ID"), "p1");
    }));

/* --- POST ---------------------------------------------------------------------------------- */

const post = { method: "POST", body: "why?", headers: { "Content-Type": "text/plain" } };
const place = { "Content-Location": "/events/clock/17" };

test("reads the response to a POST, and reads on at its address", () =>
    withNet(async (net, begin) => {
        const { notes, stream } = begin({ ...post, params: { a: 1 } });
        assert.deepEqual([net.call.init.method, net.call.init.body], ["POST", "why?"]);
        await net.call.stream("id: p1\ndata: because\n\n", place);
        assert.equal(stream.url, "http://server.example/events/clock/17");
        await net.call.fail();
        assert.equal(stream.state.name, "retrying");
        await net.pass(2000);
        const { url, init, headers } = net.call;
        assert.deepEqual([url.href, init.method, init.body], [stream.url, "GET", undefined]);
        assert.equal(headers.get("Last-Event-ID"), "p1");
        assert.equal(headers.get("Content-Type"), null);
        await net.call.stream("id: p2\ndata: of it\n\n");
        assert.deepEqual(notes.events.map((event) => event.data), ["because", "of it"]);
    }));

test("a POST is sent once, whatever becomes of it", () =>
    withNet(async (net, begin) => {
        for (const [act, detail] of [
            [(call) => call.fail(), "no answer"],
            [(call) => call.answer(503), "the server answered 503"],
            [(call) => call.answer(400), "the server answered 400"],
            [(call) => call.stream("").then(() => call.end()), "connection lost"],
            [(call) => call.stream("retry: 1\n\nevent: stream.busy\ndata: {}\n\n"), ""],
        ]) {
            const count = net.calls.length;
            const { stream } = begin({ ...post, from: "p1" });
            await net.pass(100000);
            assert.equal(net.calls.length, count + 1, "it may think as long as it likes");
            await act(net.call);
            assert.deepEqual([stream.state.name, stream.state.detail], ["ended", detail]);
            await net.pass(100000);
            assert.equal(net.calls.length, count + 1);
        }
    }));

test("another stream of the same options asks anew", () =>
    withNet(async (net) => {
        const options = { ...listener().options, ...post };
        for (let i = 0; i < 2; i++) {
            const stream = new Stream("", options);
            stream.open();
            assert.deepEqual([net.call.init.method, net.call.url.href], ["POST", page]);
            await net.call.stream("", place);
            stream.close();
        }
    }));

test("an address of another server is not gone to", () =>
    withNet(async (net, begin) => {
        const { stream } = begin({ ...post, headers: { Authorization: "Bearer t" } });
        await net.call.stream("", { Location: "https://other.example/x" });
        assert.equal(stream.url, page);
        await net.call.end();
        assert.equal(stream.state.name, "ended");
    }));

test("onResponse sees each response first, and may close the stream", () =>
    withNet(async (net, begin) => {
        const seen = [];
        const { stream } = begin({
            ...post,
            onResponse: async (response) => {
                seen.push([response.status, stream.url]);
                if (response.status === 404) {
                    stream.close();
                }
            },
        });
        await net.call.stream("", place);
        await net.call.end();
        await net.pass(2000);
        await net.call.answer(404);
        const left = begin({ onResponse: () => left.stream.close() });
        await net.call.stream("data: x\n\n");
        assert.deepEqual(left.notes, { events: [], gaps: [], states: ["connecting", "ended"] });
        const address = "http://server.example/events/clock/17";
        assert.deepEqual(seen, [[200, address], [404, address]]);
        assert.deepEqual([stream.state.name, stream.state.detail], ["ended", "closed"]);
    }));

/* --- EventSource --------------------------------------------------------------------------- */

class FakeEventSource {
    static CLOSED = 2;
    static all = [];
    readyState = 0;
    #listeners = new Map();

    constructor(url, init) {
        this.url = new URL(url);
        this.init = init;
        FakeEventSource.all.push(this);
    }

    addEventListener(name, listener) {
        assert.equal(this.#listeners.has(name), false, "each name once");
        this.#listeners.set(name, listener);
    }

    send(name, data, lastEventId) {
        this.#listeners.get(name)?.({ type: name, data, lastEventId });
    }

    fail(readyState) {
        this.readyState = readyState;
        this.onerror();
    }

    close() {
        this.readyState = FakeEventSource.CLOSED;
    }
}

async function withSource(body) {
    globalThis.EventSource = FakeEventSource;
    await withNet((net, begin) =>
        body(net, (options) => {
            const begun = begin({ mode: "eventsource", ...options });
            return { ...begun, source: FakeEventSource.all.at(-1) };
        })
    );
    delete globalThis.EventSource;
}

test("mode eventsource reads through the browser's", () =>
    withSource(async (net, begin) => {
        const { source, stream, notes } = begin({ from: "p0", credentials: "include" });
        assert.equal(net.calls.length, 0);
        assert.equal(source.url.searchParams.get("from"), "p0");
        assert.equal(source.init.withCredentials, true);
        source.onopen();
        source.send("message", "-", "");
        assert.equal(notes.events.pop().position, "p0");
        source.send("message", "a", "p1");
        source.send("stream.gap", '{"reason": "late"}', "p2");
        source.send("other", "-", "p2");
        assert.deepEqual(notes.events, [{ name: "message", data: "a", position: "p1" }]);
        assert.deepEqual(notes.gaps, [{ reason: "late", position: "p2" }]);
        source.fail(0);
        assert.equal(stream.state.name, "retrying");
        source.onopen();
        assert.equal(stream.state.name, "live");
        await net.pass(36e5);
        assert.equal(stream.state.name, "live", "heartbeats are hidden: silence means nothing");
        source.send("stream.end", "{}", "p3");
        assert.deepEqual([stream.state.name, source.readyState], ["ended", FakeEventSource.CLOSED]);
    }));

test("where the browser gives up, fetch goes on", () =>
    withSource(async (net, begin) => {
        const { source, notes } = begin({ names: ["message", "stream.end"] });
        source.onopen();
        source.send("message", "a", "p1");
        source.fail(FakeEventSource.CLOSED);
        await net.pass(2000);
        assert.equal(net.call.headers.get("Last-Event-ID"), "p1");
        await net.call.stream("id: p2\ndata: b\n\n");
        assert.deepEqual(notes.events.map((event) => event.data), ["a", "b"]);
    }));

test("busy leaves the browser's, and comes back later", () =>
    withSource(async (net, begin) => {
        const { source, stream } = begin({ staleMs: 5000 });
        source.send("stream.busy", '{"reason": "max_streams"}', "");
        assert.equal(source.readyState, FakeEventSource.CLOSED);
        assert.deepEqual([stream.state.name, stream.state.detail], ["busy", "max_streams"]);
        assert.ok(stream.state.retryAt - Date.now() >= 15000);
        await net.pass(20000);
        const again = FakeEventSource.all.at(-1);
        assert.notEqual(again, source);
        again.onopen();
        await net.pass(5000);
        assert.equal(stream.state.name, "stale", "when told what is regular");
    }));
