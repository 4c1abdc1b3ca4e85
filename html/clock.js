// SPDX-License-Identifier: MIT
// clock: the clock page. The server's time as it arrives, and how evenly it does.

import { Stream } from "./ssecgi.js";
import { LineChart } from "./chart.js";
import {
    StateBadge,
    byId,
    chooseStream,
    followPage,
    formatGap,
    formatNumber,
    setText,
} from "./page.js";

const plotMs = 120000;
const plotMinMs = 30000;
const figureTicks = 60;
const staleMs = 10000;

const badge = new StateBadge(byId("state"));
const chart = new LineChart(byId("plot"), formatNumber);
const dateFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeZone: "UTC" });

/** @type {import("./chart.js").Point[]} */
const points = [];
let ticks = 0;
let gaps = 0;

// The time of a tick in milliseconds; the stream sends JSON, or with `format: "plain"` the text.
function tickTime(data) {
    try {
        return JSON.parse(data).epoch_ms;
    } catch {
        return Date.parse(data);
    }
}

function showTick(event) {
    const time = tickTime(event.data);
    if (!Number.isFinite(time)) {
        return;
    }
    const date = new Date(time);
    setText(byId("time"), date.toISOString().slice(11, 19));
    byId("time").dateTime = date.toISOString();
    setText(byId("date"), `${dateFormat.format(date)}, UTC`);
    ticks++;
    setText(byId("ticks"), formatNumber(ticks));
    keepPoint({ time, value: Date.now() - time });
    showFigures();
}

function keepPoint(point) {
    points.push(point);
    while (points[0].time < point.time - plotMs) {
        points.shift();
    }
    chart.show(points, Math.max(plotMinMs, point.time - points[0].time));
}

function showFigures() {
    const offsets = points
        .filter((point) => point.value !== null)
        .slice(-figureTicks)
        .map((point) => point.value);
    const sorted = offsets.toSorted((a, b) => a - b);
    setText(byId("offset"), `${formatNumber(sorted[sorted.length >> 1])} ms`);
    if (offsets.length > 1) {
        const changes = offsets.slice(1).map((value, i) => Math.abs(value - offsets[i]));
        const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length;
        setText(byId("jitter"), `${formatNumber(mean)} ms`);
    }
}

function showGap(gap) {
    gaps++;
    setText(byId("gaps"), formatNumber(gaps));
    setText(byId("gap"), formatGap(gap));
    if (points.length > 0) {
        keepPoint({ time: points.at(-1).time, value: null });
    }
}

const chosen = await chooseStream("clock", badge);
document.title = `${chosen.name} · ssecgi`;
const stream = new Stream(chosen.name, {
    staleMs,
    onEvent: showTick,
    onGap: showGap,
    onState: (state) => badge.show(state),
});
stream.open();
followPage(stream);
