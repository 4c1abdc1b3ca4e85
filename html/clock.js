// SPDX-License-Identifier: MIT
// clock: the clock page. The server's time as it arrives, how evenly it does, and what is missing.

import { Stream } from "./ssecgi.js";
import { LineChart } from "./chart.js";
import { language, t, tn, useWords } from "./lang.js";
import {
    StateBadge,
    byId,
    chooseStream,
    followPage,
    formatGap,
    formatNumber,
    setText,
} from "./page.js";
import { TickLog } from "./clockticks.js";

const plotMs = 120000;
const plotMinMs = 30000;

await useWords("clock");

const badge = new StateBadge(byId("state"));
const dateFormat = new Intl.DateTimeFormat(language() === "en" ? "en-GB" : language(), {
    dateStyle: "full",
    timeZone: "UTC",
});
const log = new TickLog();

/** One of the two small plots. */
class Plot {
    #chart;
    /** @type {import("./chart.js").Point[]} */
    #points = [];

    constructor(id) {
        this.#chart = new LineChart(byId(id), formatNumber, t("Waiting for the first value"));
    }

    /** A value of NaN breaks the line. */
    add(time, value) {
        const points = this.#points;
        points.push({ time, value: Number.isNaN(value) ? null : value });
        while (points[0].time < time - plotMs) {
            points.shift();
        }
        this.#chart.show(points, Math.max(plotMinMs, time - points[0].time));
    }
}

const offsets = new Plot("offset-plot");
const jitters = new Plot("jitter-plot");
let connections = 0;
let isOpen = false;

// The time of a tick in milliseconds; the stream sends JSON, or with `format: "plain"` the text.
function tickTime(data) {
    try {
        return JSON.parse(data).epoch_ms;
    } catch {
        return Date.parse(data);
    }
}

function formatClock(time) {
    return new Date(time).toISOString().slice(11, 19);
}

function takeTick(event) {
    const time = tickTime(event.data);
    const arrival = Number.isFinite(time) ? log.take(time, Date.now()) : null;
    if (!arrival) {
        return;
    }
    const date = new Date(time);
    setText(byId("time"), formatClock(time));
    byId("time").dateTime = date.toISOString();
    setText(byId("date"), `${dateFormat.format(date)}, UTC`);
    if (arrival.missing > 0) {
        breakPlots(time - 1);
        const which = { n: arrival.missing, time: formatClock(time) };
        setText(byId("missed"),
            tn(arrival.missing, "{n} tick before {time}", "{n} ticks before {time}", which));
    }
    offsets.add(time, arrival.isLate ? NaN : arrival.offset);
    jitters.add(time, arrival.jitter);
    showFigures();
}

function breakPlots(time) {
    offsets.add(time, NaN);
    jitters.add(time, NaN);
}

function showFigures() {
    const inMs = (value) => (Number.isNaN(value) ? "–" : `${formatNumber(value)} ms`);
    setText(byId("offset"), inMs(log.offset));
    setText(byId("jitter"), inMs(log.jitter));
    setText(byId("ticks"), formatNumber(log.ticks));
    setText(byId("missing"), formatNumber(log.missing));
    const late = t("{n} caught up after a lost connection", { n: formatNumber(log.late) });
    setText(byId("late"), log.late > 0 ? late : t("received since this page opened"));
}

// The figures count by the ticks' own times; the gap adds the server's reason.
function takeGap(gap) {
    byId("gap").hidden = false;
    setText(byId("gap"), formatGap(gap));
}

function showState(state) {
    badge.show(state);
    const wasOpen = isOpen;
    isOpen = state.name === "live" || (isOpen && state.name === "busy");
    if (isOpen && !wasOpen) {
        connections++;
        if (connections > 1) {
            setText(byId("resumed"), tn(connections - 1, "Resumed {n} time, each time after the last tick",
                "Resumed {n} times, each time after the last tick"));
        }
    }
}

const chosen = await chooseStream("clock", badge);
document.title = `${chosen.name} · ssecgi`;
const stream = new Stream(chosen.name, { onEvent: takeTick, onGap: takeGap, onState: showState });
stream.open();
followPage(stream);
