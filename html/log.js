// SPDX-License-Identifier: MIT
// log: the log page. Follows one stream; what else can be done with its lines is log/tools.js, which
// is loaded when the first lines are shown.

import { useWords, t, tn } from "./lang.js";
import { Feed } from "./log/feed.js";
import { Reading } from "./log/reading.js";
import { Store } from "./log/store.js";
import { LogView } from "./log/view.js";
import { StateBadge, byId, chooseStream, formatNumber, setText } from "./page.js";

const capBytes = 128 * 1024 * 1024;
const startLines = 1000;
const patienceMs = 1000; // without any line, the tools are loaded all the same

await useWords("log");

const badge = new StateBadge(byId("state"));
const chosen = await chooseStream("tail", badge);
const store = new Store({ capBytes });

// What the tools do at these moments.
const on = {
    isFiltered: () => false,
    changed() {},
    refresh() {},
    shown() {},
    turned() {},
    cleared() {},
    older() {},
    selected() {},
    canLoad: () => false,
    loadGap() {},
};

let state = { name: "connecting", detail: "", retryAt: 0 };
let wasFollowing = true;
let frame = 0;
let edges = {};
let seenEnd = 0; // one past the newest line that was seen
let seenTop = 0; // the topmost one that is seen

const view = new LogView({
    viewport: byId("view"),
    list: byId("rows"),
    rail: byId("rail"),
    store,
    onChange: viewChanged,
    onOlder: () => on.older(),
    onNewer: () => reading.newer(),
    onNewest: toNewest,
    onSelect: () => on.selected(),
    canLoad: (number) => on.canLoad(number),
    onLoadGap: (number) => on.loadGap(number),
});
const reading = new Reading({
    store,
    makeFeed: (onBatch) => new Feed(chosen.name, { onBatch, onState: showState }),
    startLines: countFrom(new URLSearchParams(location.search).get("last")),
    capBytes,
    isFollowing: () => view.isFollowing,
    onChange: changed,
    onClear: cleared,
});

// The address may ask for another number of lines to begin with.
function countFrom(text) {
    return /^[1-9]\d{0,6}$/.test(text ?? "") ? Number(text) : startLines;
}

function changed() {
    on.changed();
    frame ||= requestAnimationFrame(refresh);
}

function refresh() {
    frame = 0;
    on.refresh();
    view.update();
    const states = { older: reading.older, newer: store.isDetached ? "more" : "" };
    if (states.older !== edges.older || states.newer !== edges.newer) {
        edges = states;
        view.setEdges(states);
    }
    showFollowing();
}

function cleared() {
    seenEnd = 0;
    view.reset();
    on.cleared();
}

function viewChanged() {
    if (view.isFollowing !== wasFollowing) {
        wasFollowing = view.isFollowing;
        if (wasFollowing) {
            forgetLink();
            reading.goOn();
        } else {
            reading.pause();
        }
        on.turned();
    }
    showFollowing();
}

// Who follows again is not to be led back at the next load.
function forgetLink() {
    if (location.hash) {
        history.replaceState(null, "", location.pathname + location.search);
    }
}

function pause() {
    view.pause();
    viewChanged();
}

function toNewest() {
    reading.toNewest();
    view.follow();
    viewChanged();
}

function toggleFollow() {
    if (view.isFollowing) {
        pause();
    } else {
        toNewest();
    }
}

function showState(next) {
    state = next;
    // Closed by us: nothing is wrong and nothing has ended.
    const held = { name: "held", detail: t("reads on when you do"), retryAt: 0 };
    badge.show(reading.isParked ? held : state);
}

// How many lines came since the pause, and have not been seen.
function countWaiting() {
    const [top, bottom] = view.visible;
    if (view.isFollowing) {
        seenEnd = store.end;
    } else if (top !== seenTop) {
        seenEnd = Math.max(seenEnd, bottom + 1 || 0); // by scrolling, not by the rows' coming in
    }
    seenTop = top;
    return on.isFiltered() ? view.waiting : Math.max(0, store.end - seenEnd);
}

function showFollowing() {
    const count = countWaiting();
    const waiting = formatNumber(count) + (reading.isParked ? "+" : "");
    const { isFollowing } = view;
    byId("follow").setAttribute("aria-pressed", String(isFollowing));
    setText(byId("follow"), isFollowing ? t("FOLLOWING") : t("PAUSED +{n}", { n: waiting }));
    byId("newest").hidden = isFollowing;
    const hasNew = count > 0;
    setText(byId("newest"), hasNew ? t("Newest ({n} waiting)", { n: waiting }) : t("Newest"));
    setText(byId("count"), tn(store.count, "{n} line", "{n} lines", { n: formatNumber(store.count) }));
    setText(byId("position"), reading.cursor || t("the start"));
    byId("empty").hidden = store.count > 0;
    setText(byId("empty"), t("Waiting for the first line"));
    on.shown();
}

// What is clicked and typed before the tools are there is done when they are.
const early = [];
const mostEarly = 20;

function keepForLater(event) {
    const isClick = event.type === "click";
    const button =
        isClick && event.target.closest(".tools button, .tools summary, .filters button, #fold");
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const isKey = !isClick && isPlain && !event.target.matches?.("select");
    if ((button || isKey) && early.length < mostEarly) {
        early.push(button ? () => button.click() : event.key);
        if (button) {
            event.preventDefault();
        }
    }
}

async function loadTools() {
    const main = document.querySelector("main");
    try {
        const { startTools } = await import("./log/tools.js");
        const press = startTools({
            stream: chosen.name, streams: chosen.streams, store, view, reading, on, changed, pause,
            toNewest, toggleFollow, viewChanged, showState: () => showState(state),
        });
        removeEventListener("keydown", keepForLater);
        main.removeEventListener("click", keepForLater);
        early.splice(0).forEach((what) => (typeof what === "string" ? press(what) : what()));
    } catch (error) {
        setText(byId("notice-text"), String(error));
        byId("notice").hidden = false;
    }
}

function whenShown(then) {
    const since = performance.now();
    const look = () => {
        if (byId("rows").querySelector(".log-row") || performance.now() - since > patienceMs) {
            setTimeout(then);
        } else {
            setTimeout(look, 30);
        }
    };
    look();
}

document.title = `${chosen.name} · ssecgi`;
byId("stream").append(new Option(chosen.name));
byId("follow").addEventListener("click", toggleFollow);
byId("newest").addEventListener("click", toNewest);
addEventListener("keydown", keepForLater);
document.querySelector("main").addEventListener("click", keepForLater);
showFollowing();
if (location.hash.length > 1) {
    loadTools(); // it is theirs to go where the link leads
} else {
    reading.start();
    whenShown(loadTools);
}

globalThis.logPage = { store, view, reading, on }; // for the console and for benchmarks
