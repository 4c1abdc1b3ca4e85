// SPDX-License-Identifier: MIT
// answer.test: asking, reading on after a cut, stopping, and the ways that an answer ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Answer } from "../../html/answer.js";
import { eventsUrl } from "../../html/ssecgi.js";
import { Net, settle } from "./client_rig.mjs";

const address = new URL("chat/17", eventsUrl).href;
const place = { "Content-Location": address };

function answerTest(name, body) {
    test(name, async () => {
        const net = new Net();
        const told = [];
        const answer = new Answer({
            onStarted: (url) => told.push(["started", url]),
            onEvent: (event) => void told.push([event.name, event.data]),
            onGap: (gap) => told.push(["gap", gap.reason]),
            onState: (state) => told.push(["state", state.name]),
            onEnd: (end) => told.push(["end", end]),
        });
        const ends = () => told.filter(([kind]) => kind === "end").map(([, end]) => end);
        try {
            await body({ net, answer, told, ends });
            await net.pass(36e5);
            assert.ok(ends().length <= 1, "it ends once");
        } finally {
            answer.close();
            net.restore();
        }
    });
}

answerTest("asks, and reads the answer from the response", async ({ net, answer, told, ends }) => {
    answer.ask("chat", "why?", { type: "application/json" });
    assert.equal(net.call.url.href, new URL("chat", eventsUrl).href);
    assert.deepEqual([net.call.init.method, net.call.init.body], ["POST", "why?"]);
    assert.equal(net.call.headers.get("Content-Type"), "application/json");
    await net.call.stream('id: 0\nevent: stream.started\ndata: {}\n\nid: 1\nevent: token\ndata: "so"\n\n', place);
    assert.equal(answer.url, address);
    assert.equal(answer.position, "1");
    await net.call.send('id: 2\nevent: stream.end\ndata: {"status": "ok"}\n\n');
    assert.deepEqual(told, [
        ["state", "connecting"],
        ["started", address],
        ["state", "live"],
        ["stream.started", "{}"],
        ["token", '"so"'],
        ["state", "ended"],
        ["end", { status: "ok" }],
    ]);
    assert.deepEqual([ends().length, answer.position], [1, "2"]);
});

answerTest("a cut answer is read on at its address", async ({ net, answer, told, ends }) => {
    answer.ask("chat", "why?");
    assert.equal(net.call.headers.get("Content-Type"), "text/plain; charset=utf-8");
    await net.call.stream("id: 1\ndata: a\n\nid: 2\ndata: b", place);
    await net.call.fail();
    assert.deepEqual(told.at(-1), ["state", "retrying"]);
    await net.pass(2000);
    assert.equal(net.call.url.href, address);
    assert.equal(net.call.headers.get("Last-Event-ID"), "1");
    await net.call.stream("id: 2\ndata: b\n\n");
    await net.call.end();
    await net.pass(2000);
    await net.call.answer(204);
    assert.deepEqual(told.filter(([kind]) => kind === "message"), [["message", "a"], ["message", "b"]]);
    assert.deepEqual(ends(), [{}], "we had the end");
});

answerTest("a refused question is told with its reason", async ({ net, answer, ends }) => {
    answer.ask("chat", "why?");
    await net.call.answer(429, { headers: { "Retry-After": "7" }, body: '{"error": "too many"}' });
    assert.deepEqual(ends(), [{ refused: 429, error: "too many", retry_after: 7 }]);
});

answerTest("a question without an answer is not asked again", async ({ net, answer, ends }) => {
    answer.ask("chat", "why?");
    await net.pass(100000);
    await net.call.fail();
    assert.deepEqual(ends(), [{ refused: 0, error: "", retry_after: 0 }]);
    assert.equal(net.calls.length, 1);
});

answerTest("a response that is no answer's is a refusal", async ({ net, answer, ends }) => {
    answer.ask("chat", "why?");
    await net.call.answer(200, { body: "<p>log in" });
    assert.deepEqual(ends(), [{ refused: 200, error: "", retry_after: 0 }]);
});

answerTest("a response without positions is left for the address", async ({ net, answer, told }) => {
    answer.ask("chat", "why?", { isPlain: true });
    const first = net.call;
    await first.stream("data: {}\n\n", place);
    assert.equal(first.isAborted, true);
    assert.deepEqual([net.call.url.href, net.calls.length], [address, 2]);
    await net.call.stream("id: 1\ndata: {}\n\n");
    assert.deepEqual(told.filter(([kind]) => kind === "message"), [["message", "{}"]]);
    assert.equal(answer.position, "1");
});

answerTest("resumes what an earlier page has read", async ({ net, answer, told, ends }) => {
    answer.resume(address, "5");
    assert.equal(answer.position, "5");
    assert.equal(net.call.headers.get("Last-Event-ID"), "5");
    await net.call.answer(503);
    assert.deepEqual(told.at(-1), ["state", "retrying"]);
    await net.pass(2000);
    await net.call.stream('id: 6\nevent: stream.gap\ndata: {"reason": "interrupted"}\n\n');
    assert.deepEqual(told.at(-1), ["gap", "interrupted"]);
    answer.close();
    assert.equal(answer.position, "6", "left, and known where");
    assert.deepEqual(ends(), []);
});

answerTest("an answer that is gone, or not ours, has ended", async ({ net, answer, ends }) => {
    answer.resume(address, "5");
    await net.call.answer(404, { body: '{"error": "there is no such stream"}' });
    assert.deepEqual(ends(), [{ refused: 404, error: "there is no such stream", retry_after: 0 }]);
});

answerTest("is stopped by a DELETE of its address", async ({ net, answer, ends }) => {
    answer.ask("chat", "why?");
    const reading = net.call;
    await reading.stream("", place);
    const stopped = answer.stop();
    assert.deepEqual([net.call.url.href, net.call.init.method], [address, "DELETE"]);
    net.call.answer(204);
    await stopped;
    assert.deepEqual(ends(), [{ reason: "cancelled" }]);
    assert.equal(reading.isAborted, true);
});

answerTest("is stopped as soon as it has an address", async ({ net, answer, ends }) => {
    answer.ask("chat", "why?");
    await answer.stop();
    await net.call.stream("id: 1\ndata: a\n\n", place);
    assert.equal(net.call.init.method, "DELETE");
    await net.call.answer(404); // it has ended by itself
    assert.deepEqual(ends(), [{ reason: "cancelled" }]);
});

answerTest("says when it could not be stopped, and reads on", async ({ net, answer, told, ends }) => {
    answer.ask("chat", "why?");
    const reading = net.call;
    await reading.stream("", place);
    const refused = assert.rejects(answer.stop(), /not yours/);
    net.call.answer(403, { body: '{"error": "not yours"}' });
    await refused;
    await reading.send("id: 1\ndata: a\n\n");
    assert.deepEqual([told.at(-1), ends()], [["message", "a"], []]);
});

answerTest("closed before the address is known, it tells nothing more", async ({ net, answer, told }) => {
    answer.ask("chat", "why?");
    answer.close();
    await net.call.answer(503);
    await settle();
    assert.deepEqual(told, [["state", "connecting"]]);
});
