// SPDX-License-Identifier: MIT
// columns: lines of JSON as fields, as pino, bunyan, zap, logrus and ECS write them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Columns, arrange, readFields } from "../../html/log/columns.js";

const told = (text) => {
    const fields = readFields(text);
    const { time, level, message, others } = arrange(fields);
    return [fields.get(time), fields.get(level), fields.get(message), others];
};

test("time, level and message of the common loggers are known", () => {
    assert.deepEqual(told('{"level":30,"time":1763763600123,"pid":7,"msg":"pino"}'), [
        "1763763600123", "info", "pino", ["pid"]]);
    assert.deepEqual(told('{"name":"b","level":50,"msg":"bunyan","time":"2026-11-21T22:00:00Z","v":0}'), [
        "2026-11-21T22:00:00Z", "error", "bunyan", ["name", "v"]]);
    assert.deepEqual(told('{"level":"info","ts":1763763600.5,"caller":"m.go:1","msg":"zap"}'), [
        "1763763600.5", "info", "zap", ["caller"]]);
    assert.deepEqual(told('{"level":"warning","msg":"logrus","time":"2026-11-21T22:00:00Z"}'), [
        "2026-11-21T22:00:00Z", "warning", "logrus", []]);
    assert.deepEqual(told('{"@timestamp":"t","log":{"level":"error"},"message":"ECS","ecs":{"version":"1"}}'), [
        "t", "error", "ECS", ["ecs.version"]]);
    assert.deepEqual(told('{"a":1}'), [undefined, undefined, undefined, ["a"]]);
});

test("what is no JSON object has no fields", () => {
    for (const text of ["", "plain", "[1]", '"text"', "{", '{"a":', '{"a":1} tail', "null", "{]"]) {
        assert.equal(readFields(text), null, text);
    }
});

test("inner objects have dotted names, other values are their JSON", () => {
    assert.deepEqual([...readFields(' {"a":{"b":{"c":"x"}},"n":null,"l":[1,{"y":2}],"e":{},"t":true}')], [
        ["a.b.c", "x"], ["n", "null"], ["l", '[1,{"y":2}]'], ["e", "{}"], ["t", "true"]]);
});

test("the number of fields of a line is bounded, and so is their depth", () => {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]));
    assert.equal(readFields(JSON.stringify(wide)).size, 40);
    let deep = 1;
    for (let i = 0; i < 200; i++) {
        deep = { d: deep };
    }
    assert.deepEqual([...readFields(JSON.stringify(deep)).keys()], ["d.d.d.d"]);
});

test("names that objects have of themselves are names like any other", () => {
    const fields = readFields('{"__proto__":"p","constructor":"c","level":"constructor"}');
    assert.deepEqual([...fields], [["__proto__", "p"], ["constructor", "c"], ["level", "constructor"]]);
});

test("the columns seen come by how often, and widths only grow, up to a limit", () => {
    const columns = new Columns();
    for (const text of ['{"a":1,"b":2}', '{"b":1}', '{"c":1}']) {
        columns.see(readFields(text));
    }
    assert.deepEqual(columns.seen(), ["b", "a", "c"]);
    columns.choose(["a", "longer"]);
    assert.deepEqual([columns.width(0), columns.width(1)], [1, 6]);
    assert.equal(columns.widen(0, 5), true);
    assert.equal(columns.widen(0, 4), false);
    columns.widen(0, 1000);
    assert.equal(columns.width(0), 40);
});
