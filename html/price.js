// SPDX-License-Identifier: MIT
// price: the price page. Each symbol as a number, the chosen ones as lines with their history.

import { Stream } from "./ssecgi.js";
import { key, language, t, tn, useWords } from "./lang.js";
import { StateBadge, byId, chooseStream, followPage, formatGap, make, setText } from "./page.js";
import { PriceChart, loadPlot, seriesClass, timeFormats } from "./pricechart.js";
import { PriceStore } from "./pricestore.js";
import { PriceView } from "./priceview.js";

const historyEvents = 1200;
const pageTicks = 600; // of older prices, asked for at once
const pageEventsMax = 8000;
const keepTicks = 14400;
const pageRetryMs = 5000;
const tableMs = 200;
const shownAtFirst = 4;
const moveStep = 0.5;
const zoomStep = 0.5;
const longStep = 10; // ticks, with Shift
const minuteMs = 60000;
const spans = [
    [key("1 min"), minuteMs],
    [key("5 min"), 5 * minuteMs],
    [key("15 min"), 15 * minuteMs],
    [key("1 h"), 60 * minuteMs],
    [key("All"), Infinity],
];

await useWords("price");

const query = new URLSearchParams(location.search);
const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const signed = new Intl.NumberFormat("en", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
    signDisplay: "exceptZero",
});
const formatTime = timeFormats(language());
const badge = new StateBadge(byId("state"));
const store = new PriceStore(keepTicks);
const view = new PriceView(spans[1][1]);
const spanButtons = new Map();

/** @type {{isShown: boolean, card: object, line: object}[]} one for each symbol, as the store has them */
const symbols = [];
/** @type {string[] | null} the symbols to show; null: the first few */
let asked = query.has("show") ? query.get("show").split(",").filter(Boolean) : null;
/** @type {PriceChart | null} */
let chart = null;
/** @type {number | null} */
let cursorTime = null;
let isRelative = query.get("scale") === "percent";
let frame = 0;
let hasChanged = true; // more than that prices came
/** @type {import("./priceview.js").Range | null} */
let drawn = null; // the extent that the chart knows
let tableTimer = 0;
let firstPosition = "";
let isLoading = false;
let isComplete = false; // there is nothing older
let loadAfter = 0;

/* --- prices ------------------------------------------------------------------------------- */

// The stream sends JSON, or with `format: "plain"` the price alone: then the position tells the
// rest, the tick in milliseconds and the number of the symbol.
function parsePrice(event) {
    let value;
    try {
        value = JSON.parse(event.data);
    } catch {
        return null;
    }
    const [tick, slot] = event.position.split(".");
    const isPlain = typeof value === "number";
    const symbol = isPlain ? `${chosen.name} ${Number(slot) + 1}` : String(value?.symbol);
    const price = Number(isPlain ? value : value?.price);
    const change = Number(value?.change ?? 0);
    const time = isPlain ? Number(tick) : Date.parse(value?.time);
    return Number.isFinite(price) && Number.isFinite(time) ? { symbol, price, change, time } : null;
}

function takePrice(event) {
    const price = parsePrice(event);
    if (price) {
        firstPosition ||= event.position;
        store.add(price);
        drawSoon();
    }
}

function takeGap(gap) {
    store.break();
    byId("gap").hidden = false;
    setText(byId("gap"), formatGap(gap));
    changed();
}

/* --- older prices ------------------------------------------------------------------------- */

// A page of events before a position: a stream that ends. null when it could not be had.
function readBefore(position, count) {
    return new Promise((resolve) => {
        const events = [];
        const page = new Stream(chosen.name, {
            params: { ...params, before: position, last: count },
            onEvent: (event) => events.push(event),
            onState: ({ name }) => {
                if (name === "ended") {
                    resolve(events);
                } else if (name !== "connecting" && name !== "live") {
                    resolve(null);
                    page.close();
                }
            },
        });
        page.open();
    });
}

async function loadOlder() {
    isLoading = true;
    const count = Math.min(pageEventsMax, pageTicks * symbols.length);
    const events = await readBefore(firstPosition, count);
    isLoading = false;
    if (events) {
        const isOlder = store.prepend(events.map(parsePrice).filter(Boolean));
        isComplete = !isOlder || events.length < count;
        firstPosition = events[0]?.position ?? firstPosition;
    } else {
        loadAfter = Date.now() + pageRetryMs;
        setTimeout(changed, pageRetryMs);
    }
    changed();
}

function showOlder(range) {
    const isAll = view.isFollowing && view.spanMs === Infinity;
    const isWanted = range !== null && (isAll || range.from < store.extent.from);
    const canLoad = isWanted && !isComplete && !store.isFull;
    if (canLoad && !isLoading && Date.now() >= loadAfter) {
        void loadOlder();
    }
    setText(byId("older"), isWanted ? olderNote(canLoad) : "");
}

// Why the lines begin where they do.
function olderNote(canLoad) {
    if (isLoading) {
        return t("Loading older prices…");
    }
    if (canLoad) {
        return t("Older prices could not be loaded; trying again");
    }
    return isComplete
        ? t("The stream’s history begins here")
        : t("This page holds {n} ticks; older ones are left out", { n: keepTicks });
}

/* --- what is seen ------------------------------------------------------------------------- */

// Everything is drawn at most once a frame, however many prices come.
function drawSoon() {
    frame ||= requestAnimationFrame(draw);
}

function changed() {
    hasChanged = true;
    drawSoon();
}

// Prices alone draw the chart anew when they move it by a pixel.
function isChartDue(range, extent) {
    return hasChanged || extent.from !== drawn.from
        || (drawn.to < range.to && (extent.to - drawn.to) >= (range.to - range.from) / chart.width);
}

function draw() {
    frame = 0;
    for (let i = symbols.length; i < store.latest.length; i++) {
        addSymbol(i);
        hasChanged = true;
    }
    const range = view.range(store.extent);
    store.latest.forEach(({ price, change }, i) => showCard(symbols[i].card, price, change));
    if (chart && range && isChartDue(range, store.extent)) {
        chart.draw(store, range, symbols.map(({ isShown }) => isShown), isRelative);
        drawn = store.extent;
        hasChanged = false;
    }
    showOlder(range);
    for (const [ms, button] of spanButtons) {
        button.setAttribute("aria-pressed", String(view.isFollowing && view.spanMs === ms));
    }
    byId("live").setAttribute("aria-pressed", String(view.isFollowing));
    byId("scale-price").setAttribute("aria-pressed", String(!isRelative));
    byId("scale-percent").setAttribute("aria-pressed", String(isRelative));
    tableTimer ||= setTimeout(showTable, tableMs);
}

function formatChange(change) {
    const arrow = change > 0 ? "▲" : change < 0 ? "▼" : "";
    return `${arrow} ${signed.format(change)}`.trim();
}

function showCard(card, price, change) {
    setText(card.price, money.format(price));
    setText(card.change, formatChange(change));
    card.button.dataset.direction = String(Math.sign(change));
}

// The legend in text: what the chart shows, in numbers.
function showTable() {
    tableTimer = 0;
    const range = view.range(store.extent);
    const row = rowAtCursor();
    const format = (value) => (Number.isFinite(value) ? money.format(value) : "–");
    setText(byId("cursor-head"), row === null ? t("Crosshair") : formatTime(store.times[row], 0));
    symbols.forEach(({ isShown, line }, i) => {
        line.row.hidden = !isShown;
        if (isShown && range) {
            const { low, high } = store.bounds(i, range.from, range.to);
            setText(line.last, format(store.latest[i].price));
            setText(line.cursor, format(row === null ? NaN : store.columns[i + 1][row] ?? NaN));
            setText(line.low, format(low));
            setText(line.high, format(high));
        }
    });
}

function addSymbol(index) {
    const { name } = store.latest[index];
    const price = make("span", "symbol-price", "–");
    const change = make("span", "symbol-change", "");
    const swatch = () => make("span", `swatch ${seriesClass(index)}`);
    const button = make("button", "symbol", make("span", "symbol-name", swatch(), name), price, change);
    button.type = "button";
    button.addEventListener("click", () => toggleSymbol(index));
    byId("symbols").append(make("li", "", button));

    const head = make("th", "", swatch(), name);
    head.scope = "row";
    const [last, cursor, low, high] = ["", "", "", ""].map((text) => make("td", "", text));
    const row = make("tr", "", head, last, cursor, low, high);
    byId("legend").append(row);
    symbols.push({
        isShown: asked ? asked.includes(name) : index < shownAtFirst,
        card: { button, price, change },
        line: { row, last, cursor, low, high },
    });
    byId("toggle-all").hidden = symbols.length < 2;
    showChoice();
}

/* --- choosing ----------------------------------------------------------------------------- */

function showChoice() {
    symbols.forEach(({ isShown, card }) => card.button.setAttribute("aria-pressed", String(isShown)));
    const names = store.latest.filter((_, i) => symbols[i]?.isShown).map(({ name }) => name);
    const many = tn(names.length, "{n} symbol", "{n} symbols");
    const few = names.length <= shownAtFirst ? names.join(", ") : many;
    setText(byId("chart-title"), names.length === 0 ? t("No symbol is chosen") : few);
    const hasAll = names.length === symbols.length;
    setText(byId("toggle-all"), hasAll ? t("Show none") : t("Show all"));
}

// Choices are in the address: a link shows what was seen.
function remember(name, value) {
    const url = new URL(location.href);
    url.searchParams.set(name, value);
    history.replaceState(null, "", url);
}

function choiceChanged() {
    asked = store.latest.filter((_, i) => symbols[i].isShown).map(({ name }) => name);
    remember("show", asked.join(","));
    showChoice();
    changed();
}

function toggleSymbol(index) {
    symbols[index].isShown = !symbols[index].isShown;
    choiceChanged();
}

function toggleAll() {
    const hasAll = symbols.every(({ isShown }) => isShown);
    symbols.forEach((symbol) => (symbol.isShown = !hasAll));
    choiceChanged();
}

function scaleBy(scale) {
    isRelative = scale === "percent";
    remember("scale", scale);
}

function act(action) {
    action();
    changed();
}

function makeSpans() {
    for (const [label, ms] of spans) {
        const button = make("button", "", t(label));
        button.type = "button";
        button.addEventListener("click", () => act(() => view.follow(ms)));
        spanButtons.set(ms, button);
        byId("spans").append(button);
    }
}

/* --- the chart's own ---------------------------------------------------------------------- */

function showCursor(time) {
    cursorTime = time;
    tableTimer ||= setTimeout(showTable, tableMs);
}

// A row that only breaks the lines has no values: the one before it has.
function rowAtCursor() {
    if (cursorTime === null || store.times.length === 0) {
        return null;
    }
    const row = Math.max(0, store.rowAfter(cursorTime) - 1);
    return row > 0 && store.isBreak(row) ? row - 1 : row;
}

function stepCursor(step) {
    const { times } = store;
    const range = view.range(store.extent);
    if (!range || !chart) {
        return;
    }
    const first = store.rowAfter(range.from - 1);
    const last = store.rowAfter(range.to) - 1;
    const before = rowAtCursor();
    let row = before === null ? last : Math.min(last, Math.max(first, before + step));
    if (row > first && row < last && store.isBreak(row)) {
        row += Math.sign(step);
    }
    chart.holdCursor(times[row]);
    const values = store.latest
        .map(({ name }, i) => [name, store.columns[i + 1][row]])
        .filter(([, value], i) => symbols[i].isShown && value !== null)
        .map(([name, value]) => `${name} ${money.format(value)}`);
    setText(byId("reading"), `${formatTime(times[row], 0)}: ${values.join(", ")}`);
}

const keys = {
    ArrowLeft: (event) => stepCursor(event.shiftKey ? -longStep : -1),
    ArrowRight: (event) => stepCursor(event.shiftKey ? longStep : 1),
    "+": () => view.zoom(zoomStep, store.extent, cursorTime),
    "=": () => view.zoom(zoomStep, store.extent, cursorTime),
    "-": () => view.zoom(1 / zoomStep, store.extent, cursorTime),
    PageUp: () => view.move(-moveStep, store.extent),
    PageDown: () => view.move(moveStep, store.extent),
    End: () => view.reset(),
    Escape: () => chart?.holdCursor(NaN),
};

function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(keys, event.key)) {
        return;
    }
    event.preventDefault();
    act(() => keys[event.key](event));
}

async function makeChart() {
    const Plot = await loadPlot();
    byId("no-chart").hidden = Plot !== null;
    byId("chart").hidden = Plot === null;
    if (Plot) {
        chart = new PriceChart(Plot, byId("chart"), {
            formatValue: (value) => isRelative ? `${signed.format(value)} %` : money.format(value),
            formatTime,
            onSelect: ({ from, to }) => act(() => view.choose(from, to)),
            onReset: () => act(() => view.reset()),
            onCursor: showCursor,
        });
        changed();
    }
}

function listen() {
    const on = (id, action) => byId(id).addEventListener("click", () => act(action));
    on("toggle-all", toggleAll);
    on("earlier", keys.PageUp);
    on("later", keys.PageDown);
    on("zoom-in", () => view.zoom(zoomStep, store.extent));
    on("zoom-out", () => view.zoom(1 / zoomStep, store.extent));
    on("live", () => view.reset());
    on("scale-price", () => scaleBy("price"));
    on("scale-percent", () => scaleBy("percent"));
    byId("chart").addEventListener("keydown", onKey);
}

makeSpans();
listen();
await makeChart();
const chosen = await chooseStream("price", badge);
document.title = `${chosen.name} · ssecgi`;
const params = query.has("symbol") ? { symbol: query.get("symbol") } : {};
const stream = new Stream(chosen.name, {
    params: { last: historyEvents, ...params },
    onEvent: takePrice,
    onGap: takeGap,
    onState: (state) => badge.show(state),
});
stream.open();
followPage(stream);
