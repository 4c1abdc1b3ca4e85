// SPDX-License-Identifier: MIT
// hub: pages that follow a stream share one connection, and each gets every line once, in order.

import assert from "node:assert/strict";
import { after, afterEach, beforeEach, mock, test } from "node:test";
import { Feed } from "../../html/log/feed.js";
import { Hub } from "../../html/log/hub.js";
import { LogServer, Page, until } from "./hub_rig.mjs";
import { makeRandom, positionOf } from "./log_rig.mjs";

const ports = [];
const pages = [];
let server;
let hub;

// What a browser's worker is to its pages.
globalThis.SharedWorker = class {
    constructor() {
        const { port1, port2 } = new MessageChannel();
        ports.push(port1, port2);
        hub.connect(port1);
        this.port = port2;
    }
};

beforeEach(async () => {
    hub = new Hub({ pings: false });
    server = new LogServer();
    await server.listen();
});
afterEach(async () => {
    // Who still follows would try again and again.
    ports.forEach((port) => port.postMessage({ do: "bye" }));
    pages.splice(0).forEach((page) => page.feed.stop());
    await until(() => server.readers.size === 0);
    server.close();
});
after(() => ports.forEach((port) => port.close()));

function makePage(options) {
    const page = new Page(Feed, server, options);
    pages.push(page);
    return page;
}

test("two pages share one connection", async () => {
    server.write(5000);
    const first = makePage();
    first.follow({ last: 1000 });
    await until(() => first.lines.length === 1000);
    const second = makePage();
    second.follow({ last: 500 });
    await until(() => second.lines.length === 500);
    for (let i = 0; i < 20; i++) {
        server.write(3);
        await until(() => first.last === server.count && second.last === server.count);
    }
    first.expectRun(4001, 5060);
    second.expectRun(4501, 5060);
    assert.equal(server.requests.length, 1);
    assert.ok(first.feed.isShared && second.feed.isShared);
    assert.equal(first.state, "live");
    assert.equal(second.state, "live");

    first.feed.stop();
    server.write(1);
    await until(() => second.last === 5061);
    assert.equal(first.last, 5060);
    assert.equal(server.readers.size, 1);
    second.feed.stop();
    await until(() => server.readers.size === 0);
});

test("a log with fewer lines than asked for needs no second connection", async () => {
    server.write(10);
    const both = [makePage(), makePage()];
    for (const page of both) {
        page.follow({ last: 1000 });
        await until(() => page.lines.length === 10 && page.state === "live");
    }
    await until(() => both.every((page) => page.last === 10));
    assert.ok(server.requests.length <= 2);
    await until(() => server.readers.size === 1);
    server.write(1);
    await until(() => both.every((page) => page.last === 11));
    both.forEach((page) => page.expectRun(1, 11));
});

test("a page that resumes inside the ring gets the rest from it", async () => {
    server.write(2000);
    const first = makePage();
    first.follow({ last: 1500 });
    await until(() => first.last === 2000);
    const second = makePage();
    second.follow({ from: positionOf(777) });
    await until(() => second.last === 2000);
    second.expectRun(778, 2000);
    assert.equal(server.requests.length, 1);
});

test("a page that begins before the ring catches up by itself, and joins", async () => {
    server.write(2000);
    const first = makePage();
    first.follow({ last: 100 });
    await until(() => first.last === 2000);
    const second = makePage();
    second.follow({ from: positionOf(500) });
    await until(() => second.last === 2000 && server.readers.size === 1);
    server.write(10);
    await until(() => first.last === 2010 && second.last === 2010);
    second.expectRun(501, 2010);
    assert.deepEqual(server.requests.map(({ from, last }) => from ?? last), ["100", positionOf(500)]);
});

test("a slow page holds up no other, and misses nothing", async () => {
    server.padding = 1000;
    server.write(10);
    const slow = makePage({ isSlow: true });
    const fast = makePage();
    slow.follow({ last: 10 });
    await until(() => slow.last === 10);
    fast.follow({ last: 10 });
    await until(() => fast.last === 10);
    for (let i = 0; i < 40; i++) {
        // More than the ring holds.
        server.write(300);
        await until(() => fast.last === server.count);
    }
    assert.ok(slow.last < 6000, `${slow.last}`);
    slow.isSlow = false;
    slow.acknowledge();
    await until(() => slow.last === server.count && server.readers.size === 1);
    server.write(5);
    await until(() => slow.last === server.count && fast.last === server.count);
    fast.expectRun(1, server.count);
    slow.expectRun(1, server.count);
});

test("a page alone that is slow makes the server wait", async () => {
    server.padding = 1000;
    server.write(20000);
    const page = makePage({ isSlow: true });
    page.follow({ last: 20000 });
    await until(() => page.batches >= 8);
    const { written } = await server.isStill();
    assert.ok(written < 17000, `${written}`);
    page.isSlow = false;
    page.acknowledge();
    await until(() => page.last === 20000);
    page.expectRun(1, 20000);
    assert.equal(server.requests.length, 1);
});

test("each line comes once, through cuts, pauses and new beginnings", async () => {
    const random = makeRandom(31);
    server.padding = 200;
    server.write(300);
    const followers = Array.from({ length: 4 }, () => makePage());
    followers.forEach((page) => page.follow({ last: 300 }));
    await until(() => followers.every((page) => page.last === 300));
    for (let round = 0; round < 150; round++) {
        server.write(random.below(200));
        const page = random.pick(followers);
        switch (random.below(6)) {
            case 0:
                server.cut();
                break;
            case 1:
                page.feed.stop();
                break;
            case 2:
                page.resume();
                break;
            case 3:
                page.isSlow = !page.isSlow;
                page.acknowledge();
                break;
            default:
                await new Promise((resolve) => setTimeout(resolve, random.below(8)));
        }
    }
    for (const page of followers) {
        page.isSlow = false;
        page.acknowledge();
        page.resume();
    }
    await until(() => followers.every((page) => page.last === server.count));
    followers.forEach((page) => page.expectRun(1, server.count));
    await until(() => server.readers.size === 1);
});

test("tells the state of the connection to all, and gaps in their place", async () => {
    server.write(3);
    const both = [makePage(), makePage()];
    both[0].follow({ last: 3 });
    await until(() => both[0].last === 3);
    both[1].follow({ last: 3 });
    await until(() => both[1].last === 3);
    server.isDown = true;
    server.cut();
    await until(() => both.every((page) => page.state === "retrying"));
    server.forget(5);
    server.isDown = false;
    await until(() => both.every((page) => page.state === "live" && page.gaps.length === 1));
    server.write(1);
    await until(() => both.every((page) => page.last === server.count));
    for (const page of both) {
        assert.deepEqual(page.gaps, [{ after: 3, reason: "unknown-position" }]);
    }
});

// A page that says nothing by itself.
function connectMute(to) {
    const { port1, port2 } = new MessageChannel();
    const heard = [];
    ports.push(port1, port2);
    port2.onmessage = ({ data }) => heard.push(data.is);
    to.connect(port1);
    const target = { name: "log", params: {}, base: server.base };
    port2.postMessage({ do: "follow", turn: 1, target, start: { last: 1 } });
    return { port: port2, heard };
}

test("a page that is gone without a word is noticed by the lock that it had", async () => {
    server.write(3);
    let grant = null;
    const locks = {
        request: (name, run) => {
            grant = { name, run };
            return Promise.resolve();
        },
    };
    const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
    const { port, heard } = connectMute(hub);
    port.postMessage({ do: "lock", name: "page 1" });
    await until(() => grant && heard.includes("batch") && server.readers.size === 1);
    Object.defineProperty(globalThis, "navigator", before ?? { value: undefined, configurable: true });
    assert.equal(grant.name, "page 1");
    grant.run();
    await until(() => server.readers.size === 0);
});

test("a page that is gone without a word is noticed by its silence", async () => {
    server.write(3);
    mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
    const { port, heard } = connectMute(new Hub());
    await until(() => heard.includes("batch"));
    for (let i = 0; i < 8; i++) {
        // While it answers it is there.
        mock.timers.tick(15000);
        port.postMessage({ do: "pong" });
        await until(() => heard.filter((is) => is === "ping").length === i + 1);
        await new Promise(setImmediate);
    }
    assert.equal(server.readers.size, 1);
    mock.timers.tick(90000);
    mock.timers.reset();
    await until(() => heard.includes("gone") && server.readers.size === 0);
});

test("a page that was given up because it slept goes on when it wakes", async () => {
    server.write(3);
    const page = makePage();
    page.follow({ last: 3 });
    await until(() => page.last === 3);
    const port = ports.at(-1);
    port.onmessage({ data: { is: "gone" } });
    server.write(2);
    await until(() => page.last === 5);
    page.expectRun(1, 5);
    assert.notEqual(ports.at(-1), port);
});

test("a page whose hub died goes on with another", async () => {
    server.write(100);
    const page = makePage({ aliveMs: 50 });
    page.follow({ last: 10 });
    await until(() => page.lines.length === 10);
    const { length } = ports;
    const dead = ports.at(-2); // the hub's end: its connection is cut, and it says nothing more
    dead.onmessage({ data: { do: "stop" } });
    dead.onmessage = null;
    hub = new Hub({ pings: false });
    server.write(50);
    await until(() => ports.length > length);
    server.write(50);
    await until(() => page.last === 200);
    page.expectRun(91, 200);
});

test("without a SharedWorker the page has a hub of its own", async () => {
    server.write(3);
    const page = makePage({ isShared: false });
    page.follow({ last: 3 });
    await until(() => page.last === 3 && page.state === "live");
    assert.ok(!page.feed.isShared);
    page.feed.close();
    await until(() => server.readers.size === 0);
});
