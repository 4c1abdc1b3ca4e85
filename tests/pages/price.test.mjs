// SPDX-License-Identifier: MIT
// price: the price page's columns of prices, and the range that its chart shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PriceStore } from "../../html/pricestore.js";
import { PriceView } from "../../html/priceview.js";

const names = ["A", "B", "C"];

/** Prices of whole ticks: each its own number, so that a mix-up shows. */
function prices(firstTick, lastTick, stepMs = 1000) {
    const found = [];
    for (let tick = firstTick; tick <= lastTick; tick++) {
        names.forEach((symbol, i) =>
            found.push({ symbol, price: tick * 10 + i, change: i - 1, time: tick * stepMs })
        );
    }
    return found;
}

function fill(store, list) {
    list.forEach((price) => store.add(price));
    return store;
}

function filled(firstTick, lastTick, limit = 1000) {
    return fill(new PriceStore(limit), prices(firstTick, lastTick));
}

test("symbols of a tick stand in one row", () => {
    const store = filled(1, 3);
    assert.deepEqual(store.columns, [[1000, 2000, 3000], [10, 20, 30], [11, 21, 31], [12, 22, 32]]);
    assert.deepEqual(store.latest[2], { name: "C", price: 32, change: 1 });
});

test("a symbol that comes later has no values before", () => {
    const store = filled(1, 2);
    store.add({ symbol: "D", price: 7, change: 0, time: 2000 });
    assert.deepEqual(store.columns[4], [null, 7]);
});

test("what was there already is not taken again", () => {
    const store = filled(1, 5);
    const before = structuredClone(store.columns);
    fill(store, prices(2, 4));
    assert.deepEqual(store.columns, before);
});

test("a gap breaks the lines once, where it is", () => {
    const store = filled(1, 3);
    store.break();
    store.break();
    fill(store, prices(4, 4));
    assert.deepEqual(store.times, [1000, 2000, 3000, 3001, 4000]);
    assert.deepEqual(store.columns[1], [10, 20, 30, null, 40]);
    assert.ok(store.isBreak(3) && !store.isBreak(2));
    assert.deepEqual(store.breaks, [{ from: 3000, to: 4000 }]);
});

test("a gap within a tick leaves the tick whole", () => {
    const list = prices(1, 3);
    const store = fill(new PriceStore(100), list.slice(0, -1));
    store.break();
    fill(store, [list.at(-1), ...prices(4, 4)]);
    assert.deepEqual(store.columns[3], [12, 22, 32, null, 42]);
});

test("missing ticks break the lines without being told", () => {
    const store = fill(filled(1, 6), prices(8, 9));
    assert.deepEqual(store.columns[1], [10, 20, 30, 40, 50, 60, null, 80, 90]);
    assert.deepEqual(store.breaks, [{ from: 6000, to: 8000 }]);
});

test("before the first price a gap is nothing to see", () => {
    const store = new PriceStore(10);
    store.break();
    assert.deepEqual(store.columns, [[]]);
    assert.equal(store.extent, null);
});

test("older prices in pages make what would have been there, wherever they are cut", () => {
    const all = prices(1, 40);
    const whole = fill(new PriceStore(1000), all);
    for (const page of [1, 2, 3, 4, 7, 50]) {
        let rest = 100;
        const store = fill(new PriceStore(1000), all.slice(rest));
        while (rest > 0) {
            store.prepend(all.slice(Math.max(0, rest - page), rest));
            rest -= page;
        }
        const byName = (each) => new Map(each.latest.map(({ name }, i) => [name, each.columns[i + 1]]));
        assert.deepEqual(store.times, whole.times, `pages of ${page}`);
        names.forEach((name) => assert.deepEqual(byName(store).get(name), byName(whole).get(name)));
        assert.deepEqual(store.breaks, []);
    }
});

test("a page that is empty, or not older, changes nothing", () => {
    const cases = [[filled(1, 2), []], [new PriceStore(10), []], [filled(3, 5), prices(4, 9)]];
    for (const [store, page] of cases) {
        const before = structuredClone(store.columns);
        assert.equal(store.prepend(page), false);
        assert.deepEqual(store.columns, before);
    }
});

test("of a page that is too long, what is older is taken", () => {
    const store = filled(3, 5);
    assert.equal(store.prepend(prices(1, 9)), true);
    assert.deepEqual(store.columns, filled(1, 5).columns);
});

test("older prices do not change what is the latest, but tell it of others", () => {
    const store = filled(5, 6);
    store.prepend([...prices(3, 4), { symbol: "D", price: 7, change: 2, time: 4000 }]);
    assert.deepEqual(store.latest.map(({ price }) => price), [60, 61, 62, 7]);
    assert.deepEqual(store.columns[4], [null, 7, null, null]);
});

test("the oldest rows go when there are too many", () => {
    const store = filled(1, 500, 80);
    assert.ok(store.times.length >= 80 && store.times.length <= 90, `${store.times.length} rows`);
    assert.equal(store.times.at(-1), 500000);
    assert.ok(store.isFull);
    assert.ok(store.columns.every((column) => column.length === store.times.length));
    store.prepend(prices(1, 3));
    assert.equal(store.times.length, 80);
});

test("bounds are those of the range", () => {
    const store = fill(filled(1, 3), [{ symbol: "A", price: 5, change: 0, time: 4000 }]);
    assert.deepEqual(store.bounds(0, 2000, 4000), { low: 5, high: 30 });
    assert.deepEqual(store.bounds(0, 1001, 2999), { low: 20, high: 20 });
    assert.deepEqual(store.bounds(1, 4000, 9000), { low: NaN, high: NaN });
});

test("in percent each symbol begins at 0, and gaps stay", () => {
    const store = fill(new PriceStore(100), [
        { symbol: "A", price: 50, change: 0, time: 1000 },
        { symbol: "A", price: 100, change: 0, time: 2000 },
        { symbol: "B", price: 4, change: 0, time: 3000 },
    ]);
    store.break();
    store.add({ symbol: "A", price: 150, change: 0, time: 4000 });
    store.add({ symbol: "B", price: 3, change: 0, time: 4000 });
    const [times, a, b] = store.relative(2500, 4000);
    assert.deepEqual(times, [2000, 3000, 3001, 4000]);
    assert.deepEqual(a, [0, null, null, 50]);
    assert.deepEqual(b, [null, 0, null, -25]);
});

const extent = { from: 0, to: 100000 };

test("the view follows the end until a range is chosen, and again after a reset", () => {
    const view = new PriceView(60000);
    assert.equal(view.range(null), null);
    assert.deepEqual(view.range(extent), { from: 40000, to: 100000 });
    view.choose(10000, 20000);
    assert.deepEqual(view.range({ from: 0, to: 200000 }), { from: 10000, to: 20000 });
    assert.ok(!view.isFollowing);
    view.reset();
    assert.deepEqual(view.range(extent), { from: 40000, to: 100000 });
    view.follow(Infinity);
    assert.deepEqual(view.range(extent), extent);
});

test("zooming keeps the end while it is followed, else the middle or the crosshair", () => {
    const view = new PriceView(60000);
    view.zoom(0.5, extent);
    assert.ok(view.isFollowing);
    assert.deepEqual(view.range(extent), { from: 70000, to: 100000 });
    view.zoom(0.5, extent, 80000);
    assert.deepEqual(view.range(extent), { from: 75000, to: 90000 });
    view.zoom(2, extent);
    assert.deepEqual(view.range(extent), { from: 67500, to: 97500 });
    for (let i = 0; i < 50; i++) {
        view.zoom(0.5, extent);
    }
    const { from, to } = view.range(extent);
    assert.ok(to - from >= 999, `${to - from} ms`);
});

test("moving goes back from the end, and at the end it follows again with the same span", () => {
    const view = new PriceView(40000);
    view.move(-0.5, extent);
    assert.deepEqual(view.range(extent), { from: 40000, to: 80000 });
    view.move(-0.5, extent);
    view.move(0.5, extent);
    assert.ok(!view.isFollowing);
    view.move(0.5, extent);
    assert.ok(view.isFollowing);
    assert.deepEqual(view.range(extent), { from: 60000, to: 100000 });
    view.move(0.5, null);
    assert.equal(view.range(null), null);
});
