// SPDX-License-Identifier: MIT
// pricechart: the price page's chart, drawn by uPlot: lines, crosshair, choosing a range.

/** @typedef {import("./priceview.js").Range} Range */

const dragMinPx = 5;
const dashes = [[], [6, 4], [2, 3], [10, 4, 2, 4], [12, 4], [2, 6]];
const colourCount = 8;
const lineWidth = 1.75;
// With more points than this the lines are a pixel thin: without a graphics card, others take ten
// times as long.
const finePoints = 2000;
const dayMs = 86400000;
const minuteMs = 60000;
// Between the marks of the time axis.
const timeSteps = [
    ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1000),
    ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * minuteMs),
    ...[1, 2, 7, 14, 28, 84, 364].map((days) => days * dayMs),
];

/** uPlot, or null where it was not installed with the pages. */
export async function loadPlot() {
    try {
        return (await import("./vendor/uplot.js")).default;
    } catch {
        return null;
    }
}

/** The class that gives a symbol its colour; there are only so many. */
export function seriesClass(index) {
    return `series series-${index % colourCount}`;
}

// Where colours are few they say less, and the pattern of the line says more.
function dashOf(index) {
    const few = matchMedia("(forced-colors: active)").matches;
    return dashes[(few ? index : Math.floor(index / colourCount)) % dashes.length];
}

/**
 * @typedef {object} ChartOptions
 * @property {(value: number) => string} formatValue for the marks of the value axis
 * @property {(time: number, step: number) => string} formatTime for marks `step` milliseconds apart
 * @property {(range: Range) => void} onSelect a range was dragged over
 * @property {() => void} onReset double-clicked
 * @property {(time: number | null) => void} onCursor the crosshair stands at this time of the data
 */
export class PriceChart {
    #plot;
    #element;
    #options;
    #probe;
    #colours = {};
    /** @type {Range[]} */
    #breaks = [];
    #heldTime = NaN; // where the keyboard put the crosshair

    /**
     * @param {*} Plot what loadPlot() gave
     * @param {HTMLElement} element
     * @param {ChartOptions} options
     */
    constructor(Plot, element, options) {
        this.#element = element;
        this.#options = options;
        this.#probe = document.createElement("span");
        this.#probe.hidden = true;
        element.append(this.#probe);
        this.#readColours();
        this.#plot = new Plot(this.#plotOptions(), [[]], element);
        new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(element);
        for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
            matchMedia(query).addEventListener("change", () => {
                this.#readColours();
                this.#plot.redraw();
            });
        }
    }

    /**
     * Draws a part of a PriceStore.
     *
     * @param {import("./pricestore.js").PriceStore} store
     * @param {Range} range
     * @param {boolean[]} isShown for each symbol
     * @param {boolean} isRelative in percent of the range's first values
     */
    draw(store, range, isShown, isRelative) {
        const plot = this.#plot;
        const columns = isRelative ? store.relative(range.from, range.to) : store.columns;
        this.#breaks = store.breaks;
        for (let i = plot.series.length - 1; i < columns.length - 1; i++) {
            plot.addSeries(this.#series(i), i + 1);
        }
        const rows = store.rowAfter(range.to) - store.rowAfter(range.from);
        const isThin = rows * isShown.filter(Boolean).length > finePoints;
        plot.batch(() => {
            isShown.forEach((show, i) => {
                plot.series[i + 1].width = isThin ? 1 / devicePixelRatio : lineWidth;
                if (plot.series[i + 1].show !== show) {
                    plot.setSeries(i + 1, { show });
                }
            });
            plot.setData(columns, false);
            plot.setScale("x", { min: range.from, max: range.to });
        });
        this.#keepCursor();
    }

    /** Of the plot, in pixels of the screen. */
    get width() {
        return this.#plot.bbox.width;
    }

    /** Puts the crosshair at a time, where it stays when the lines move on; NaN takes it away. */
    holdCursor(time) {
        this.#heldTime = time;
        this.#placeCursor();
    }

    #keepCursor() {
        if (!Number.isNaN(this.#heldTime)) {
            this.#placeCursor();
        }
    }

    // A pixel may stand for many rows: the keyboard's is known exactly.
    #timeAt({ left, idx }) {
        if (!(left >= 0)) {
            return null;
        }
        return Number.isNaN(this.#heldTime) ? this.#plot.data[0][idx] ?? null : this.#heldTime;
    }

    #placeCursor() {
        const left = Math.round(this.#plot.valToPos(this.#heldTime, "x"));
        const isInside = left >= 0 && left <= this.#plot.over.clientWidth;
        this.#element.classList.toggle("by-keyboard", isInside);
        this.#plot.setCursor({ left: isInside ? left : -10, top: isInside ? 0 : -10 });
    }

    #size() {
        return { width: this.#element.clientWidth, height: this.#element.clientHeight };
    }

    // By an element, so that names of system colours become colours that a canvas knows.
    #colourOf(className, name = "color") {
        this.#probe.className = className;
        return getComputedStyle(this.#probe)[name];
    }

    #readColours() {
        this.#colours = {
            grid: this.#colourOf("grid-colour"),
            text: this.#colourOf("axis-colour"),
            gap: this.#colourOf("gap-colour"),
            series: Array.from({ length: colourCount }, (_, i) => this.#colourOf(seriesClass(i))),
        };
    }

    #series(index) {
        return {
            stroke: () => this.#colours.series[index % colourCount],
            dash: dashOf(index),
            width: lineWidth,
        };
    }

    #axis(extra) {
        return {
            stroke: () => this.#colours.text,
            font: `12px ${getComputedStyle(this.#element).fontFamily}`,
            grid: { stroke: () => this.#colours.grid, width: 1 },
            ticks: { show: false },
            ...extra,
        };
    }

    #plotOptions() {
        const { formatValue, formatTime, onCursor } = this.#options;
        return {
            ...this.#size(),
            ms: 1,
            legend: { show: false },
            padding: [12, 30, 0, 0],
            scales: { x: { time: true, auto: false, range: (_, min, max) => [min, max] } },
            series: [{}],
            axes: [
                this.#axis({
                    incrs: timeSteps,
                    space: 84,
                    size: 34,
                    values: (_, splits, axis, space, step) =>
                        splits.map((time) => formatTime(time, step)),
                }),
                this.#axis({
                    space: 48,
                    values: (_, splits) => splits.map(formatValue),
                    size: (_, values) =>
                        18 + 7 * Math.max(1, ...(values ?? []).map((text) => text.length)),
                }),
            ],
            cursor: {
                drag: { x: true, y: false, setScale: false },
                points: { size: 7 },
                bind: {
                    mousemove: (_, target, handler) => (event) => {
                        this.#heldTime = NaN;
                        this.#element.classList.remove("by-keyboard");
                        handler(event);
                    },
                    dblclick: () => () => this.#options.onReset(),
                },
            },
            hooks: {
                setSelect: [(plot) => this.#select(plot)],
                setSize: [() => this.#keepCursor()],
                setCursor: [(plot) => onCursor(this.#timeAt(plot.cursor))],
                drawClear: [(plot) => this.#drawBreaks(plot)],
            },
        };
    }

    #select(plot) {
        const { left, width } = plot.select;
        if (width >= dragMinPx) {
            const [from, to] = [left, left + width].map((at) => plot.posToVal(at, "x"));
            this.#options.onSelect({ from, to });
        }
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    }

    #drawBreaks(plot) {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.fillStyle = this.#colours.gap;
        for (const { from, to } of this.#breaks) {
            const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
            const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
            if (right > left) {
                ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
            }
        }
        ctx.restore();
    }
}

/** How a mark of the time axis is written: with seconds where they differ, as a date where days do. */
export function timeFormats(language) {
    const of = (options) => new Intl.DateTimeFormat(language, { hourCycle: "h23", ...options });
    const minute = of({ hour: "2-digit", minute: "2-digit" });
    const second = of({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const day = of({ month: "2-digit", day: "2-digit" });
    return (time, step) => {
        const format = step >= dayMs ? day : step >= minuteMs ? minute : second;
        return format.format(time);
    };
}
