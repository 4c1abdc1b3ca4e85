// SPDX-License-Identifier: MIT
// tools: all that can be done with the lines of the log page besides following them.

import { key, t } from "../lang.js";
import { LogView } from "./view.js";
import { byId, formatNumber, setText } from "../page.js";
import { isAnswering, parseObject } from "../ssecgi.js";
import { Announcer } from "./announce.js";
import { closeMenu, useMenus } from "./bars.js";
import { addStyles, late } from "./late.js";
import { Marks, parseLink } from "./links.js";
import { Options } from "./options.js";
import { addParts } from "./parts.js";
import { Past } from "./past.js";
import { Picked } from "./picked.js";
import { Shown } from "./shown.js";

const errorLevel = 4;
const rateSeconds = 10;
const quietMs = 1500; // after following began: what comes first was there before
const beginning = "start"; // the address before everything that a log has
const missingPlace = key("The lines of this link can't be had just now: they are asked for again.");
const loadable = new Set(["unreadable", "no-memory", "unknown"]);

let page;
let store;
let view;
let reading;
let past;
let panes; // the log, and what the server found in it
let found = null;
let announcer;
let shown;
let options;
let picked;
let followingSince = 0;
let spokenEnd = 0;
let rateEnd = 0;
let recentCounts = null; // lines in each of the last seconds

const openSearch = late(loadSearch, fail);
const openFound = late(loadFound, fail);
const openHelp = late(() => import("./help.js"), fail);

/**
 * @param {object} thePage what log.js has
 * @returns {(key: string) => boolean} does what a key stands for, if it stands for something
 */
export function startTools(thePage) {
    page = thePage;
    ({ store, view, reading } = page);
    addParts();
    past = new Past(reading, showPlace, () => tell(t(missingPlace)));
    panes = [{ store, view }];
    followingSince = Date.now();
    spokenEnd = rateEnd = store.end;
    announcer = new Announcer((text) => setText(byId("spoken"), text));
    options = new Options([view]);
    shown = new Shown(store, view, () => {
        past.refilter();
        showNames();
        page.changed();
    });
    picked = new Picked({
        panes, active, marks: new Marks(page.stream, storage()), stream: page.stream, tell, openLink,
    });
    addStyles("logtools.css");
    useMenus();
    fillStreams(page);
    joinPage();
    listen();
    if (!openHash() && reading.turn === 0) {
        reading.start();
    }
    setInterval(eachSecond, 1000);
    eachSecond();
    return press;
}

// What else can be read: a family is no stream itself, nor is one whose answers are.
function fillStreams({ stream, streams }) {
    const names = streams
        .filter((info) => info.members === undefined && !isAnswering(info))
        .map((info) => info.name);
    const all = names.includes(stream) ? names : [stream, ...names];
    const select = byId("stream");
    select.replaceChildren(
        ...all.map((name) => new Option(name, name, name === stream, name === stream))
    );
    select.addEventListener("change", () => {
        location.href = `?${new URLSearchParams({ stream: select.value })}`;
    });
}

function showNames() {
    options.showNames(!byId("files").hidden && shown.files.current === "");
}

function fail(error) {
    tell(String(error));
}

function tell(text) {
    byId("notice").hidden = text === "";
    setText(byId("notice-text"), text);
}

// What is looked at: the log, or what the server found in it.
function active() {
    return found?.isOpen ? panes[1] : panes[0];
}

// Searching

async function loadSearch() {
    const { Search } = await import("./search.js");
    const search = new Search(store, {
        onChange(isNew) {
            view.highlight(search.patterns, (number) => search.isHit(number));
            panes[1]?.view.highlight(search.patterns);
            shown.takeHits();
            if (isNew) {
                shown.change();
            } else {
                page.changed();
            }
        },
        onStep: step,
        onServer: searchAll,
    });
    shown.search = search;
    return search;
}

async function loadFound() {
    const { Found } = await import("./found.js");
    found = new Found(reading.feed, () => panes[1].view.update());
    const foundView = new LogView({
        viewport: byId("found-view"),
        list: byId("found-rows"),
        rail: byId("found-rail"),
        store: found.store,
        onSelect: () => picked.show(),
    });
    panes.push({ store: found.store, view: foundView });
    options.add(foundView);
    picked.showMarks();
    return found;
}

async function searchAll(query, context) {
    (await openFound()).open(query, context);
    panes[1].view.highlight(shown.search.patterns);
    panes[1].view.reset();
    panes[1].view.follow();
    picked.show();
}

function closeFound() {
    found?.close();
    picked.show();
    view.update();
}

function showInLog() {
    const range = picked.range;
    closeFound();
    if (shown.search?.isFilter) {
        byId("search-filter").click(); // a hit is looked at among its neighbours
    }
    if (range) {
        const { store: ofStore, a, b } = range;
        openLink({ from: ofStore.positionOf(a), to: ofStore.positionOf(b) });
    }
}

// The bar is there at once, so that what is typed goes into it while its module is loaded.
function showSearch() {
    byId("search").hidden = false;
    byId("search-text").focus();
    byId("search-text").select();
    openSearch().then((search) => search.isOpen && search.open(), () => {});
}

function hideSearch() {
    byId("search").hidden = true;
    shown.search?.close();
}

function toggleSearch() {
    if (byId("search").hidden) {
        showSearch();
    } else {
        hideSearch();
    }
}

// Going to lines

function goTo(number) {
    view.goTo(number, { flash: true });
    page.viewChanged();
}

function step(direction) {
    if (found?.isOpen) {
        const pane = panes[1];
        const to = pane.view.current + direction;
        pane.view.goTo(Math.max(pane.store.first, Math.min(to, pane.store.end - 1)));
        return;
    }
    const number = shown.nextHit(direction);
    if (number !== undefined) {
        goTo(number);
    }
}

// What is not loaded was not looked at: that is said, too.
function toError(from, direction, isFirst = false) {
    const number = shown.nextLevel(from, errorLevel, direction);
    const isLoaded = ["", "beginning", "gone"].includes(reading.older);
    const earlier =
        isLoaded || (direction > 0 && !isFirst)
            ? ""
            : t("Earlier lines are not loaded: scroll up, or search all of the log.");
    if (number !== undefined) {
        goTo(number);
        tell(isFirst && earlier ? `${t("The first error of the lines loaded.")} ${earlier}` : "");
    } else if (isFirst) {
        tell(`${t("No error in the lines loaded.")} ${earlier}`.trim());
    } else if (direction > 0) {
        tell(t("No more errors after this line."));
    } else {
        tell(`${t("No errors before this line.")} ${earlier}`.trim());
    }
}

function toOldest() {
    if (found?.isOpen) {
        panes[1].view.goTo(found.store.first);
    } else if (["", "beginning", "gone"].includes(reading.older)) {
        goTo(store.first);
    } else {
        openLink({ from: beginning, isAfter: true });
    }
}

function toNewest() {
    if (found?.isOpen) {
        panes[1].view.goTo(found.store.end - 1);
    } else {
        view.select(null);
        picked.show();
        page.toNewest();
    }
}

/** Goes to lines that are loaded, else opens the log there. */
function openLink({ from, to = from, before = "", isAfter = false }) {
    closeFound();
    page.pause();
    const [a, b] = isAfter ? [] : [store.find(from), store.find(to)];
    if (a !== undefined && b !== undefined && store.kindOf(a) !== "gap") {
        showPlace(a, b, false);
    } else if (before) {
        past.open({ from: before, to, isAfter: true });
    } else {
        past.open({ from, to, isAfter });
    }
}

function showPlace(a, b, isGone) {
    if (byId("notice-text").textContent === t(missingPlace)) {
        tell("");
    }
    view.select(a, b);
    goTo(a);
    picked.show();
    if (isGone) {
        tell(t("The lines of this link are not there any more. The log goes on here."));
    }
}

// The address leads to a line, or it does not.
function openHash() {
    const link = parseLink(location.hash);
    if (link) {
        openLink(link);
    }
    return link !== null;
}

function beforeGap(number) {
    return number > store.first ? store.positionOf(number - 1) : "";
}

// Each second, and when lines come

function speak() {
    const count = store.end - Math.max(spokenEnd, store.first);
    spokenEnd = store.end;
    if (count > 0 && view.isFollowing && Date.now() - followingSince > quietMs) {
        announcer.add(count, count === 1 ? store.line(store.end - 1).text : "");
    }
}

function showRate() {
    const count = store.end - rateEnd;
    rateEnd = store.end;
    const isLive = count > 0 && store.line(store.end - 1).arrived > 0; // not loaded around a link
    if (recentCounts) {
        recentCounts = [isLive ? count : 0, ...recentCounts.slice(0, rateSeconds - 1)];
        const lines = recentCounts.reduce((sum, each) => sum + each, 0);
        setText(byId("rate"), `${formatNumber(lines / recentCounts.length)}/s`);
    } else {
        recentCounts = []; // the first second brought lines that were there before us
    }
}

function eachSecond() {
    showRate();
    shown.showCounts();
    showNames();
    options.showColumns();
    page.showState();
}

function joinPage() {
    Object.assign(page.on, {
        search: openSearch,
        isFiltered: () => shown.isFiltered,
        changed() {
            speak();
            shown.search?.grow();
        },
        refresh: () => shown.refresh(),
        shown() {
            shown.search?.showCount(shown.hits, view.current);
            if (shown.isEmpty) {
                byId("empty").hidden = false;
                setText(byId("empty"), t("No line loaded is of these levels and this search"));
            }
        },
        turned() {
            followingSince = Date.now();
            spokenEnd = store.end;
            announcer.clear();
        },
        cleared() {
            shown.clear();
            rateEnd = spokenEnd = 0;
            recentCounts = null;
            shown.search?.again();
            picked.show();
        },
        older: () => past.load(shown.isFiltered),
        selected: () => picked.show(),
        canLoad: (number) =>
            loadable.has(parseObject(store.full(number)).reason) && beforeGap(number) !== "",
        loadGap: (number) => openLink({ from: beforeGap(number), isAfter: true }),
    });
    view.update(); // the reader may be at the top already, where earlier lines are wanted
}

// Keys and buttons

function escape() {
    if (closeMenu()) {
        return;
    }
    if (!byId("picked").hidden) {
        picked.clear();
    } else if (!byId("notice").hidden) {
        tell("");
    } else if (found?.isOpen) {
        closeFound();
    } else if (!byId("search").hidden) {
        hideSearch();
        byId("view").focus();
    }
}

const actions = {
    "/": showSearch,
    n: () => step(1),
    N: () => step(-1),
    e: () => toError(shown.from(1), 1),
    E: () => toError(shown.from(-1), -1),
    f() {
        closeFound();
        page.toggleFollow();
    },
    g: toOldest,
    G: toNewest,
    w: () => options.toggleWrap(),
    t: () => options.nextTime(),
    y: () => picked.copyLink(),
    m: () => picked.toggleMark(),
    "?": async () => (await openHelp()).showHelp(),
    Escape: escape,
};

function press(key) {
    const isOurs = Object.hasOwn(actions, key);
    if (isOurs) {
        actions[key]();
    }
    return isOurs;
}

function listen() {
    addEventListener("keydown", pressKey);
    addEventListener("hashchange", openHash);
    for (const [id, action] of Object.entries({
        "search-open": toggleSearch,
        wrap: actions.w,
        time: actions.t,
        download: () => picked.download(),
        "help-open": actions["?"],
        "error-first": () => toError(store.first - 1, 1, true),
        "error-next": actions.e,
        "error-previous": actions.E,
        "found-show": showInLog,
        "found-close": closeFound,
        "notice-close": () => tell(""),
        "picked-copy": () => picked.copyLines(),
        "picked-link": actions.y,
        "picked-mark": actions.m,
        "picked-close": () => picked.clear(),
        "search-close": hideSearch,
    })) {
        byId(id).addEventListener("click", action);
    }
    byId("search").addEventListener("submit", (event) => event.preventDefault());
}

function pressKey(event) {
    const isTyping = event.target.matches?.("input:not([type=checkbox]), select, textarea");
    const isFree = event.key === "Escape" || !isTyping;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    // In a dialog keys are the dialog's.
    if (isPlain && isFree && !document.querySelector("dialog[open]") && press(event.key)) {
        event.preventDefault(); // "/" would be typed into the bar that it opens
    }
}

function storage() {
    try {
        return localStorage;
    } catch {
        return null; // switched off
    }
}
