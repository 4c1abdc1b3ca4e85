// SPDX-License-Identifier: MIT
// ssecgi.test: the client module: what it asks for, what it tells, and when it comes back.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
    Stream,
    eventsUrl,
    isAnswering,
    listStreams,
    parseObject,
    streamUrl,
    textParser,
} from "../../html/ssecgi.js";
import { Net, listener, page } from "./client_rig.mjs";

// A test with a network of its own; its streams are closed at the end.
function netTest(name, body) {
    test(name, async () => {
        const net = new Net();
        const streams = [];
        const begin = (options = {}, streamName = "") => {
            const { notes, options: all } = listener(options);
            const stream = new Stream(streamName, all);
            streams.push(stream);
            stream.open();
            return { stream, notes };
        };
        try {
            await body(net, begin);
        } finally {
            streams.forEach((stream) => stream.close());
            net.restore();
        }
    });
}

/* --- where to ------------------------------------------------------------------------------ */

test("names a stream by its path and several by parameters", () => {
    assert.equal(streamUrl("a").href, `${eventsUrl}a`);
    assert.equal(streamUrl("rooms/ü ?").href, `${eventsUrl}rooms/%C3%BC%20%3F`);
    assert.equal(streamUrl(["a", "b/c"], { raw: 1 }).search, "?stream=a&stream=b%2Fc&raw=1");
    assert.equal(streamUrl("a", { last: 3, grep: undefined }).search, "?last=3");
    assert.equal(streamUrl("a", {}, "https://other.example/e/").href, "https://other.example/e/a");
    globalThis.location = { href: "https://site.example/pages/log.html" };
    assert.equal(streamUrl("a", {}, "/e/").href, "https://site.example/e/a");
    assert.equal(streamUrl("../../x/./y").href, `${eventsUrl}_/_/x/_/y`, "no way out of there");
    assert.equal(streamUrl("a", {}, "/e").href, "https://site.example/e/a");
    assert.equal(streamUrl(["a"], {}, "/e").href, "https://site.example/e/?stream=a");
    delete globalThis.location;
});

netTest("lists the streams, and says why not", async (net) => {
    const list = listStreams();
    assert.equal(net.call.url.href, eventsUrl.href);
    net.call.answer(200, { body: '{"streams": [{"name": "clock"}]}' });
    assert.deepEqual(await list, [{ name: "clock" }]);
    const refused = assert.rejects(listStreams("https://other.example/events/"), /answered 403/);
    assert.equal(net.call.url.href, "https://other.example/events/");
    net.call.answer(403);
    await refused;
    const wrong = assert.rejects(listStreams(), /no list/);
    net.call.answer(200, { body: "{}" });
    await wrong;
});

test("knows a stream that answers by its methods", () => {
    assert.equal(isAnswering({ methods: ["POST"] }), true);
    assert.equal(isAnswering({ methods: ["GET", "POST"] }), false);
    assert.equal(isAnswering({}), false);
});

test("reads an object, and takes anything else for an empty one", () => {
    assert.deepEqual(parseObject('{"a": 1}'), { a: 1 });
    assert.equal(parseObject("{").a, undefined);
    assert.equal(parseObject("null").a, undefined);
});

netTest("begins with its parameters and resumes with its cursor", async (net, begin) => {
    const params = { last: 5, since: 0, grep: "x" };
    const { notes, stream } = begin({ url: undefined, params }, "app");
    assert.equal(net.call.url.pathname, new URL("app", eventsUrl).pathname);
    assert.deepEqual(net.call.query, { last: "5", since: "0", grep: "x" });
    assert.equal(net.call.headers.get("Accept"), "text/event-stream");
    await net.call.fail();
    await net.pass(2000);
    assert.equal(net.call.query.last, "5", "nothing was had yet");
    await net.call.stream("id: p0\n\nid: p1\ndata: one\n\ndata: half");
    assert.deepEqual(notes.events, [{ name: "message", data: "one", position: "p1" }]);
    await net.call.end();
    await net.pass(2000);
    assert.deepEqual(net.call.query, { grep: "x", from: "p1" });
    assert.equal(net.call.headers.get("Last-Event-ID"), null);
    assert.equal(stream.cursor, "p1");
});

netTest("keeps the position of a block without data", async (net, begin) => {
    const { stream, notes } = begin();
    await net.call.stream("retry: 2000\n\nid: p7\n\n");
    assert.equal(stream.cursor, "p7");
    assert.deepEqual(notes.events, []);
});

netTest("begins at a position, given as an option or as a parameter", async (net, begin) => {
    begin({ url: undefined, from: "p3", params: { last: 9 } }, "app");
    assert.deepEqual(net.call.query, { from: "p3" });
    begin({ url: undefined, params: { from: "p4" } }, "app");
    assert.deepEqual(net.call.query, { from: "p4" });
});

netTest("resumes at an address by Last-Event-ID", async (net, begin) => {
    const { stream } = begin({ params: { a: 1 }, from: "p3" });
    assert.equal(net.call.url.href, `${page}?a=1`);
    assert.equal(net.call.headers.get("Last-Event-ID"), "p3");
    assert.equal(stream.url, `${page}?a=1`);
});

netTest("sends headers and credentials as told", async (net, begin) => {
    begin({ headers: { Authorization: "Bearer t" }, credentials: "include" });
    assert.equal(net.call.headers.get("Authorization"), "Bearer t");
    assert.equal(net.call.init.credentials, "include");
    assert.equal(net.call.init.cache, "no-store");
});

/* --- what it tells ------------------------------------------------------------------------- */

netTest("tells its states in order", async (net, begin) => {
    const { notes, stream } = begin();
    await net.call.stream("data: 1\n\n");
    await net.call.end();
    assert.deepEqual(notes.states, ["connecting", "live", "retrying"]);
    assert.equal(stream.state.detail, "connection lost");
    await net.pass(2000);
    await net.call.fail();
    assert.equal(stream.state.detail, "no answer");
    await net.pass(3000);
    await net.call.stream("");
    stream.close();
    assert.deepEqual(notes.states.slice(3), ["retrying", "live", "ended"]);
    assert.equal(stream.state.detail, "closed");
    assert.equal(net.call.isAborted, true);
});

netTest("ends with the source, and says what the server said", async (net, begin) => {
    const { stream } = begin();
    await net.call.stream('id: p9\nevent: stream.end\ndata: {"status": 3}\n\n');
    assert.equal(stream.state.name, "ended");
    assert.deepEqual(stream.state.data, { status: 3 });
    assert.equal(net.call.isAborted, true);
    stream.open(); // and asks again when told to
    assert.equal(net.call.headers.get("Last-Event-ID"), "p9");
    await net.call.answer(204);
    assert.deepEqual([stream.state.name, stream.state.status], ["ended", 204]);
    await net.pass(3600000);
    assert.equal(net.calls.length, 2);
});

netTest("tells gaps with their sizes", async (net, begin) => {
    const { notes } = begin();
    const data = '{"reason": "truncated", "bytes": 12}';
    await net.call.stream(`id: p2\nevent: stream.gap\ndata: ${data}\n\n`);
    await net.call.send("id: p3\nevent: stream.gap\ndata: ?\n\n");
    assert.deepEqual(notes.gaps, [
        { reason: "truncated", bytes: 12, position: "p2" },
        { reason: "unknown", position: "p3" },
    ]);
});

netTest("a refused position is a gap, and it goes on from now", async (net, begin) => {
    const { notes, stream } = begin({ url: undefined, params: { last: 5, x: "y" } }, "app");
    await net.call.stream("id: p1\ndata: 1\n\n");
    await net.call.end();
    await net.pass(2000);
    await net.call.answer(400, { body: '{"error": "from: must be a position"}' });
    assert.deepEqual(notes.gaps, [{ reason: "unknown-position", position: "" }]);
    assert.equal(net.calls.length, 3);
    assert.equal(net.calls[1].isAborted, true);
    assert.deepEqual(net.call.query, { x: "y" }, "no from, and no last either");
    assert.equal(stream.cursor, "");
    await net.call.answer(400, { body: '{"error": "x: unknown parameter"}' });
    assert.equal(notes.gaps.length, 1, "it is not the position");
    assert.equal(stream.state.detail, "the server answered 400: x: unknown parameter");
});

netTest("gives all events but the server's own, or those that were named", async (net, begin) => {
    const all = ["event: a", "event: b", "event: stream.presence", ""];
    const text = all.map((name) => `${name}\ndata: x\n\n`).join("");
    for (const [names, wanted] of [
        [undefined, ["a", "b", "message"]],
        [["b", "stream.presence"], ["b", "stream.presence"]],
        ["*", ["a", "b", "stream.presence", "message"]],
    ]) {
        const { notes, stream } = begin({ names });
        await net.call.stream(text);
        assert.deepEqual(notes.events.map((event) => event.name), wanted);
        stream.close();
    }
});

netTest("is stopped by a callback at the very event", async (net, begin) => {
    const seen = [];
    const { stream } = begin({
        onEvent: (event) => {
            seen.push(event.data);
            stream.close();
        },
    });
    await net.call.stream("id: 1\ndata: a\n\nid: 2\ndata: b\n\n");
    assert.deepEqual([seen, stream.cursor], [["a"], "1"]);
    stream.open();
    assert.equal(net.call.headers.get("Last-Event-ID"), "1");
    await net.pass(100000);
    await net.call.stream("id: 2\ndata: b\n\n");
    assert.deepEqual(seen, ["a", "b"]);
});

netTest("a callback that closes at any state leaves nothing behind", async (net) => {
    const busy = "event: stream.busy\ndata: {}\n\n";
    for (const name of ["connecting", "live", "retrying", "stale", "busy"]) {
        const stream = new Stream("", {
            url: page,
            staleMs: 1000,
            onState: (state) => state.name === name && stream.close(),
        });
        stream.open();
        if (stream.state.name !== "ended") {
            await net.call.stream(name === "busy" ? busy : "");
            await net.pass(name === "stale" ? 1500 : 0);
            await net.call.fail();
        }
        assert.equal(stream.state.name, "ended", name);
        assert.ok(net.calls.every((call) => call.isAborted), name);
        const count = net.calls.length;
        await net.pass(100000);
        assert.equal(net.calls.length, count, name);
    }
});

netTest("what arrives as it is closed is left for the next time", async (net, begin) => {
    const { stream, notes } = begin();
    await net.call.stream("");
    const sent = net.call.send("id: 1\ndata: a\n\n");
    stream.close();
    await sent;
    assert.deepEqual([notes.events, stream.cursor], [[], ""]);
    stream.open();
    let controller;
    const body = new ReadableStream({ start: (given) => (controller = given) });
    await net.call.answer(403, { body });
    stream.close();
    controller.close();
    await net.pass(36e5);
    assert.deepEqual([stream.state.detail, net.calls.length], ["closed", 2]);
});

netTest("an error of a callback is reported and costs no event", async (net, begin) => {
    const seen = [];
    begin({
        onEvent: (event) => {
            seen.push(event.data);
            if (event.data === "a") {
                throw new Error("of the page");
            }
        },
    });
    await net.call.stream("data: a\n\ndata: b\n\n");
    assert.deepEqual(seen, ["a", "b"]);
    assert.throws(() => mock.timers.tick(1), /of the page/);
});

netTest("a promise that a callback breaks is reported, and the stream goes on", async (net, begin) => {
    const seen = [];
    begin({
        onEvent: async (event) => {
            seen.push(event.data);
            assert.notEqual(event.data, "a", "of the page");
        },
    });
    await net.call.stream("data: a\n\ndata: b\n\n");
    assert.deepEqual(seen, ["a", "b"]);
    assert.throws(() => mock.timers.tick(1), /of the page/);
});

netTest("waits for a callback that asks for it", async (net, begin) => {
    const seen = [];
    let go;
    const { stream } = begin({
        staleMs: 1000,
        onEvent: (event) => {
            seen.push(event.data);
            return new Promise((resolve) => (go = resolve));
        },
    });
    await net.call.stream("data: a\n\ndata: b\n\n");
    assert.deepEqual(seen, ["a"]);
    await net.pass(5000);
    assert.equal(stream.state.name, "live", "meanwhile the silence is the page's own");
    go();
    await net.pass(0);
    assert.deepEqual(seen, ["a", "b"]);
    stream.close();
    go();
    await net.pass(5000);
    assert.equal(net.calls.length, 1);
});

/* --- when it comes back -------------------------------------------------------------------- */

const jitter = 1.25;

function waitOf(stream) {
    return stream.state.retryAt - Date.now();
}

function isBetween(value, least, most) {
    assert.ok(value >= least && value <= most, `${least} <= ${value} <= ${most}`);
}

netTest("comes back when the server asked for it, at different times", async (net, begin) => {
    const waits = [];
    for (let i = 0; i < 40; i++) {
        const { stream } = begin();
        await net.call.stream("retry: 2000\n\n");
        await net.call.end();
        waits.push(waitOf(stream));
        stream.close();
    }
    waits.forEach((wait) => isBetween(wait, 2000, 2000 * jitter));
    assert.ok(new Set(waits).size > 20);
});

netTest("waits longer each time, up to half a minute", async (net, begin) => {
    const { stream } = begin();
    const waits = [];
    for (let i = 0; i < 8; i++) {
        await net.call.fail();
        waits.push(waitOf(stream));
        await net.pass(waitOf(stream) + 1);
    }
    [1, 2, 4, 8, 16, 30, 30, 30].forEach((s, i) => isBetween(waits[i], s * 1e3, s * 1e3 * jitter));
    await net.call.stream("data: x\n\n");
    await net.call.end();
    isBetween(waitOf(stream), 1000, 1000 * jitter); // an event came: begins anew
    await net.pass(2000);
    await net.call.fail();
    isBetween(waitOf(stream), 2000, 2000 * jitter);
    stream.close();
    stream.open(); // so it does when it is told to
    await net.call.fail();
    isBetween(waitOf(stream), 1000, 1000 * jitter);
});

netTest("a connection that lived counts as a good one, one that is cut at once does not", async (net, begin) => {
    const { stream } = begin();
    await net.call.stream("");
    await net.call.end();
    await net.pass(2000);
    await net.call.stream("");
    await net.call.end();
    isBetween(waitOf(stream), 2000, 2000 * jitter);
    await net.pass(3000);
    await net.call.stream("");
    await net.pass(11000);
    await net.call.end();
    isBetween(waitOf(stream), 1000, 1000 * jitter);
});

netTest("asks about a refusal slowly, and tells it", async (net, begin) => {
    for (const status of [401, 403, 404, 405, 410]) {
        const { stream } = begin();
        await net.call.answer(status, { body: '{"error": "not for you"}' });
        const { name, detail } = stream.state;
        assert.deepEqual([name, stream.state.status], ["retrying", status]);
        assert.equal(detail, `the server answered ${status}: not for you`);
        isBetween(waitOf(stream), 15000, 15000 * jitter);
        stream.close();
    }
});

netTest("tells a refusal in whatever words there are", async (net, begin) => {
    for (const [body, words] of [
        ['{"error": {"message": "no key"}}', ": no key"],
        ['{"error": ""}', ""],
        ["<p>Forbidden", ""],
        ["", ""],
    ]) {
        const { stream } = begin();
        await net.call.answer(403, { body });
        assert.equal(stream.state.detail, `the server answered 403${words}`);
        stream.close();
    }
});

netTest("takes no page for a stream", async (net, begin) => {
    const { stream } = begin();
    await net.call.answer(200, { headers: { "Content-Type": "text/html" }, body: "<p>log in" });
    assert.equal(stream.state.name, "retrying");
    assert.match(stream.state.detail, /not with a stream/);
});

netTest("honours Retry-After in seconds and as a date", async (net, begin) => {
    const date = new Date(Date.now() + 90000).toUTCString();
    let begun = 0;
    for (const [text, ms] of [["60", 60000], [date, 89000], ["soon", 1000], ["0", 1000]]) {
        const { stream } = begin();
        await net.call.answer(begun++ % 2 ? 429 : 503, { headers: { "Retry-After": text } });
        isBetween(waitOf(stream), ms, (ms + 1000) * jitter);
        stream.close();
    }
});

netTest("busy is told with its reason, and when it is asked again", async (net, begin) => {
    const { stream } = begin({ from: "p1" });
    const said = '{"reason": "max_streams", "limit": 5}';
    await net.call.stream(`retry: 40000\n\nevent: stream.busy\ndata: ${said}\n\n`);
    const { name, detail, data } = stream.state;
    assert.deepEqual([name, detail, data.limit], ["busy", "max_streams", 5]);
    isBetween(waitOf(stream), 40000, 40000 * jitter);
    assert.equal(net.call.isAborted, true);
    await net.pass(50001);
    assert.equal(net.call.headers.get("Last-Event-ID"), "p1");
});

netTest("neither a retry time of nothing nor one without end is obeyed", async (net, begin) => {
    const { stream } = begin();
    for (const [text, least, most] of [["0", 100, 125], ["9".repeat(300), 864e5, 864e5], ["7x", 864e5, 864e5]]) {
        await net.call.stream(`retry: ${text}\ndata: x\n\n`);
        await net.call.end();
        isBetween(waitOf(stream), least, most);
        await net.pass(waitOf(stream) + 1);
    }
});

netTest("silence is stale, and it connects anew where it was", async (net, begin) => {
    const { stream, notes } = begin();
    await net.call.stream("id: p1\ndata: 1\n\n");
    for (let i = 0; i < 5; i++) {
        await net.pass(30000);
        await net.call.send(":\n\n"); // a heartbeat
    }
    assert.deepEqual([net.calls.length, stream.state.name], [1, "live"]);
    await net.pass(35000);
    assert.deepEqual([net.calls.length, stream.state.name], [2, "stale"]);
    assert.equal(net.calls[0].isAborted, true);
    assert.equal(net.call.headers.get("Last-Event-ID"), "p1");
    await net.pass(35000); // no answer either
    assert.equal(net.calls.length, 3);
    await net.call.stream("");
    assert.deepEqual(notes.states, ["connecting", "live", "stale", "stale", "live"]);
});

netTest("is never stale when told so", async (net, begin) => {
    const { stream } = begin({ staleMs: 0 });
    await net.call.stream("");
    await net.pass(36e5);
    assert.deepEqual([net.calls.length, stream.state.name], [1, "live"]);
});

netTest("open() twice is one connection, close() twice ends it once", async (net, begin) => {
    const { stream } = begin();
    stream.open();
    await net.call.fail();
    stream.open();
    assert.equal(net.calls.length, 1);
    stream.close();
    stream.close();
    await net.pass(36e5);
    assert.equal(net.calls.length, 1);
});

test("a parser serves one connection: what was half is forgotten", () => {
    const parse = textParser("p0");
    const bytes = (text) => new TextEncoder().encode(text);
    assert.deepEqual(parse(bytes("data: a\n")), []);
    assert.deepEqual(parse(bytes("\n")), [{ name: "message", data: "a", position: "p0" }]);
    assert.deepEqual(textParser()(bytes("\n")), [{ position: "" }]);
});
