// SPDX-License-Identifier: MIT
// price: the price page. Each symbol as a number, the chosen one as a line with its history.

import { Stream } from "./ssecgi.js";
import { LineChart } from "./chart.js";
import { StateBadge, byId, chooseStream, followPage, formatGap, make, setText } from "./page.js";

const historyEvents = 1200;
const keepPoints = 3600; // a symbol
const staleMs = 10000;
const spans = [
    ["1 min", 60000],
    ["5 min", 300000],
    ["15 min", 900000],
    ["1 h", 3600000],
];

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const signed = new Intl.NumberFormat("en", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
    signDisplay: "exceptZero",
});

const badge = new StateBadge(byId("state"));
const chart = new LineChart(byId("chart"), (value) => money.format(value));

/** @typedef {import("./chart.js").Point} Point */
/** @type {Map<string, {points: Point[], card: ReturnType<typeof makeCard>}>} */
const symbols = new Map();
let shownSymbol = "";
let spanMs = spans[1][1];

// The stream sends JSON, or with `format: "plain"` the price alone.
function parsePrice(event, streamName) {
    let value;
    try {
        value = JSON.parse(event.data);
    } catch {
        return null;
    }
    const isPlain = typeof value === "number";
    const symbol = isPlain ? streamName : String(value?.symbol);
    const price = Number(isPlain ? value : value?.price);
    const change = Number(value?.change ?? 0);
    const time = isPlain ? Date.now() : new Date(value?.time).getTime();
    return Number.isFinite(price) && Number.isFinite(time) ? { symbol, price, change, time } : null;
}

function makeCard(symbol) {
    const price = make("span", "symbol-price", "–");
    const change = make("span", "symbol-change", "");
    const button = make("button", "symbol", make("span", "symbol-name", symbol), price, change);
    button.type = "button";
    button.addEventListener("click", () => showSymbol(symbol));
    byId("symbols").append(make("li", "", button));
    return { button, price, change };
}

function showPrice(event) {
    const update = parsePrice(event, chosen.name);
    if (!update) {
        return;
    }
    let entry = symbols.get(update.symbol);
    if (!entry) {
        entry = { points: [], card: makeCard(update.symbol) };
        symbols.set(update.symbol, entry);
    }
    entry.points.push({ time: update.time, value: update.price });
    if (entry.points.length > keepPoints) {
        entry.points.shift();
    }
    const direction = Math.sign(update.change);
    const arrow = direction > 0 ? "▲" : direction < 0 ? "▼" : "";
    setText(entry.card.price, money.format(update.price));
    setText(entry.card.change, `${arrow} ${signed.format(update.change)}`.trim());
    entry.card.button.dataset.direction = String(direction);

    if (!shownSymbol) {
        showSymbol(update.symbol);
    } else if (shownSymbol === update.symbol) {
        chart.show(entry.points, spanMs);
    }
}

function showSymbol(symbol) {
    shownSymbol = symbol;
    for (const [name, entry] of symbols) {
        entry.card.button.setAttribute("aria-pressed", String(name === symbol));
    }
    setText(byId("chart-title"), symbol);
    chart.show(symbols.get(symbol).points, spanMs);
}

function showGap(gap) {
    for (const { points } of symbols.values()) {
        points.push({ time: points.at(-1).time, value: null });
    }
    byId("gap").hidden = false;
    setText(byId("gap"), formatGap(gap));
}

function makeSpans() {
    const buttons = spans.map(([label, ms]) => {
        const button = make("button", "", label);
        button.type = "button";
        button.setAttribute("aria-pressed", String(ms === spanMs));
        button.addEventListener("click", () => {
            spanMs = ms;
            buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
            if (shownSymbol) {
                showSymbol(shownSymbol);
            }
        });
        return button;
    });
    byId("spans").append(...buttons);
}

makeSpans();
const chosen = await chooseStream("price", badge);
document.title = `${chosen.name} · ssecgi`;
const symbol = new URLSearchParams(location.search).get("symbol");
const stream = new Stream(chosen.name, {
    params: { last: historyEvents, ...(symbol && { symbol }) },
    staleMs,
    onEvent: showPrice,
    onGap: showGap,
    onState: (state) => badge.show(state),
});
stream.open();
followPage(stream);
