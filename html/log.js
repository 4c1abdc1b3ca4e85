// SPDX-License-Identifier: MIT
// log: the log page. Follows one stream; pausing keeps every line.

import { Stream, isAnswering } from "./ssecgi.js";
import { LogStore } from "./logstore.js";
import { LogView } from "./logview.js";
import {
    StateBadge,
    byId,
    chooseStream,
    followPage,
    formatGap,
    formatNumber,
    make,
    setText,
} from "./page.js";

const startLines = 200;

// What stays in memory while following. A paused page keeps as much again for what arrives; when
// that is full it closes the stream, and reads on from its position when the reader does.
const keepRows = 20000;
const keepChars = 16 * 1024 * 1024;

const rateSeconds = 10;

const store = new LogStore();
const badge = new StateBadge(byId("state"));
const view = new LogView(byId("view"), byId("rows"), store, showFollowing);

/** @type {Stream | null} */
let stream = null;
let isParked = false;
let lineCount = 0;
let recentCounts = [0]; // lines in each of the last seconds, the running one first
let isRateKnown = false;

function take(row) {
    store.push(row);
    if (view.isFollowing) {
        store.trim(keepRows, keepChars);
    } else if (store.end - store.first > 2 * keepRows || store.chars > 2 * keepChars) {
        park();
    }
    view.update();
}

function takeLine(event) {
    lineCount++;
    recentCounts[0]++;
    take({
        kind: "line",
        label: String(lineCount),
        text: event.data,
        position: event.position,
    });
}

function takeGap(gap) {
    take({ kind: "gap", label: "", text: formatGap(gap), position: gap.position });
}

function park() {
    isParked = true;
    stream.close();
}

function showState(state) {
    // Closed by us: nothing is wrong and nothing has ended.
    const held = { name: "held", detail: "reads on when you do", retryAt: 0 };
    badge.show(isParked ? held : state);
}

function showFollowing() {
    if (view.isFollowing && isParked) {
        isParked = false;
        stream.open();
    }
    const follow = byId("follow");
    follow.setAttribute("aria-pressed", String(view.isFollowing));
    byId("newest").hidden = view.isFollowing;
    byId("empty").hidden = store.end > 0;
    showCounts();
}

function showCounts() {
    const waiting = formatNumber(view.waiting) + (isParked ? "+" : "");
    setText(byId("follow"), view.isFollowing ? "FOLLOWING" : `PAUSED +${waiting}`);
    setText(byId("newest"), view.waiting > 0 ? `Newest (${waiting} waiting)` : "Newest");
    setText(byId("count"), `${formatNumber(lineCount)} ${lineCount === 1 ? "line" : "lines"}`);
    setText(byId("position"), stream?.cursor || "the start");
}

function showRate() {
    if (isRateKnown) {
        const lines = recentCounts.reduce((sum, count) => sum + count, 0);
        setText(byId("rate"), `${formatNumber(lines / recentCounts.length)}/s`);
        recentCounts = [0, ...recentCounts.slice(0, rateSeconds - 1)];
    } else if (lineCount > 0) {
        // The first second brought the lines that were there before us.
        isRateKnown = true;
        recentCounts = [0];
    }
}

function toggleFollow() {
    if (view.isFollowing) {
        view.pause();
    } else {
        view.follow();
    }
}

function toggleWrap() {
    const isWrapped = byId("rows").classList.toggle("wrap");
    byId("wrap").setAttribute("aria-pressed", String(isWrapped));
    view.layoutChanged();
}

const keys = { f: toggleFollow, w: toggleWrap, G: () => view.follow() };

function pressKey(event) {
    const isTyping = event.target instanceof Element && event.target.matches("input, select");
    if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
        keys[event.key]?.();
    }
}

function fillStreams(name, streams) {
    const names = streams
        // A family is no stream itself, nor is one whose answers are.
        .filter((info) => info.members === undefined && !isAnswering(info))
        .map((info) => info.name);
    const select = byId("stream");
    for (const each of names.includes(name) ? names : [name, ...names]) {
        const option = make("option", "", each);
        option.value = each;
        option.selected = each === name;
        select.append(option);
    }
    select.addEventListener("change", () => {
        location.search = String(new URLSearchParams({ stream: select.value }));
    });
}

byId("follow").addEventListener("click", toggleFollow);
byId("newest").addEventListener("click", () => view.follow());
byId("wrap").addEventListener("click", toggleWrap);
addEventListener("keydown", pressKey);

const chosen = await chooseStream("tail", badge);
document.title = `${chosen.name} · ssecgi`;
fillStreams(chosen.name, chosen.streams);
stream = new Stream(chosen.name, {
    params: { last: startLines },
    onEvent: takeLine,
    onGap: takeGap,
    onState: showState,
});
stream.open();
followPage(stream);
setInterval(() => {
    showRate();
    showCounts();
}, 1000);
