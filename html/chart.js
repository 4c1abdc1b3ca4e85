// SPDX-License-Identifier: MIT
// chart: a line over time, and a strip of bars, on a canvas, in the page's own colours.

const tickTargetPx = 56;
const timeTickTargetPx = 88;
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];

// The colours come from the style sheet, so that light, dark and forced colours need no code here.
function colours(canvas) {
    const style = getComputedStyle(canvas);
    const get = (name) => style.getPropertyValue(name).trim();
    return {
        line: get("--accent"),
        fill: get("--accent-soft"),
        grid: get("--line"),
        text: get("--muted"),
        strong: get("--text"),
        panel: get("--panel"),
        font: `12px ${style.fontFamily}`,
    };
}

// A canvas with one unit a CSS pixel, redrawn at most once a frame and whenever its look changes.
class Surface {
    #canvas;
    #draw;
    #frame = 0;

    constructor(canvas, draw) {
        this.#canvas = canvas;
        this.#draw = draw;
        new ResizeObserver(() => this.invalidate()).observe(canvas);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
            this.invalidate()
        );
    }

    invalidate() {
        this.#frame ||= requestAnimationFrame(() => this.#paint());
    }

    #paint() {
        this.#frame = 0;
        const canvas = this.#canvas;
        const width = canvas.clientWidth;
        const height = canvas.clientHeight;
        if (width === 0 || height === 0) {
            return;
        }
        const scale = devicePixelRatio;
        canvas.width = Math.round(width * scale);
        canvas.height = Math.round(height * scale);
        const context = canvas.getContext("2d");
        context.scale(scale, scale);
        this.#draw(context, width, height, colours(canvas));
    }
}

// A step of 1, 2 or 5 times a power of ten.
function niceStep(span, count) {
    const raw = span / Math.max(1, count);
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw) ?? raw;
}

/**
 * A line chart over time. A point whose value is null breaks the line: a gap is drawn as a gap.
 *
 * @typedef {{time: number, value: number | null}} Point time in milliseconds since 1970, ascending
 */
export class LineChart {
    #surface;
    #canvas;
    #format;
    #emptyText;
    /** @type {Point[]} */
    #points = [];
    #spanMs = 60000;
    #pointerX = -1;

    /**
     * @param {HTMLCanvasElement} canvas
     * @param {(value: number) => string} format
     * @param {string} emptyText shown while there is no value
     */
    constructor(canvas, format, emptyText) {
        this.#canvas = canvas;
        this.#format = format;
        this.#emptyText = emptyText;
        this.#surface = new Surface(canvas, (...args) => this.#draw(...args));
        canvas.addEventListener("pointermove", (event) => this.#point(event.offsetX));
        canvas.addEventListener("pointerdown", (event) => this.#point(event.offsetX));
        canvas.addEventListener("pointerleave", () => this.#point(-1));
    }

    /**
     * Shows the last `spanMs` of the points. The array is kept, not copied: change it, call again.
     *
     * @param {Point[]} points
     * @param {number} spanMs
     */
    show(points, spanMs) {
        this.#points = points;
        this.#spanMs = spanMs;
        this.#surface.invalidate();
    }

    #point(x) {
        this.#pointerX = x;
        this.#surface.invalidate();
    }

    #draw(context, width, height, colour) {
        context.font = colour.font;
        const end = this.#points.at(-1)?.time ?? Date.now();
        const view = this.#points.filter((point) => point.time >= end - this.#spanMs);
        const values = view.filter((point) => point.value !== null).map((point) => point.value);
        if (values.length === 0) {
            context.fillStyle = colour.text;
            context.textAlign = "center";
            context.fillText(this.#emptyText, width / 2, height / 2);
            return;
        }

        const range = valueRange(values, height);
        const labels = range.ticks.map(this.#format);
        const left = Math.max(...labels.map((text) => context.measureText(text).width)) + 12;
        const box = { left, right: width - 8, top: 8, bottom: height - 24 };
        const x = (time) =>
            box.right - ((end - time) / this.#spanMs) * (box.right - box.left);
        const y = (value) =>
            box.bottom - ((value - range.low) / (range.high - range.low)) * (box.bottom - box.top);

        drawValueAxis(context, box, range.ticks, labels, y, colour);
        drawTimeAxis(context, box, end, this.#spanMs, x, colour);
        drawLine(context, box, view, x, y, colour);
        this.#drawPointer(context, box, view, x, y, colour);
    }

    #drawPointer(context, box, view, x, y, colour) {
        if (this.#pointerX < box.left) {
            return;
        }
        const known = view.filter((point) => point.value !== null);
        const nearest = known.reduce((best, point) =>
            Math.abs(x(point.time) - this.#pointerX) < Math.abs(x(best.time) - this.#pointerX)
                ? point
                : best
        );
        const px = x(nearest.time);
        const py = y(nearest.value);
        context.strokeStyle = colour.text;
        context.setLineDash([3, 3]);
        strokePath(context, [[px, box.top], [px, box.bottom]]);
        context.setLineDash([]);
        drawDot(context, px, py, colour);

        const text = `${this.#format(nearest.value)}  ${formatTime(nearest.time)}`;
        const labelWidth = context.measureText(text).width + 16;
        const labelX = Math.min(Math.max(px - labelWidth / 2, box.left), box.right - labelWidth);
        context.fillStyle = colour.strong;
        context.beginPath();
        context.roundRect(labelX, box.top, labelWidth, 22, 4);
        context.fill();
        context.fillStyle = colour.panel;
        context.textAlign = "left";
        context.textBaseline = "middle";
        context.fillText(text, labelX + 8, box.top + 11);
    }
}

function valueRange(values, height) {
    const low = values.reduce((a, b) => Math.min(a, b));
    const high = values.reduce((a, b) => Math.max(a, b));
    const span = high - low || Math.max(Math.abs(high) * 0.01, 1);
    const step = niceStep(span * 1.1, height / tickTargetPx);
    // What is never negative has no axis below zero.
    const first = Math.max(low < 0 ? -Infinity : 0, Math.floor((low - span * 0.05) / step) * step);
    const ticks = [first];
    while (ticks.at(-1) < high + span * 0.05) {
        ticks.push(first + ticks.length * step);
    }
    return { low: first, high: ticks.at(-1), ticks };
}

function strokePath(context, corners) {
    context.beginPath();
    context.moveTo(...corners[0]);
    corners.slice(1).forEach((corner) => context.lineTo(...corner));
    context.stroke();
}

function drawValueAxis(context, box, ticks, labels, y, colour) {
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    ticks.forEach((tick, i) => {
        const py = Math.round(y(tick)) + 0.5;
        context.strokeStyle = colour.grid;
        strokePath(context, [[box.left, py], [box.right, py]]);
        context.fillStyle = colour.text;
        context.fillText(labels[i], box.left - 8, py);
    });
}

function formatTime(time) {
    return new Date(time).toLocaleTimeString("en-GB");
}

function formatMinute(time) {
    return formatTime(time).slice(0, 5);
}

function drawTimeAxis(context, box, end, spanMs, x, colour) {
    const count = Math.max(1, (box.right - box.left) / timeTickTargetPx);
    const stepS = timeSteps.find((step) => step >= spanMs / 1000 / count) ?? timeSteps.at(-1);
    const stepMs = stepS * 1000;
    const format = stepS < 60 ? formatTime : formatMinute;
    const half = context.measureText(format(end)).width / 2;
    context.fillStyle = colour.text;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    for (let time = Math.floor(end / stepMs) * stepMs; time > end - spanMs; time -= stepMs) {
        const px = x(time);
        if (px - half >= box.left && px + half <= box.right + 8) {
            context.fillText(format(time), px, box.bottom + 18);
        }
    }
}

function drawDot(context, x, y, colour) {
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.fillStyle = colour.line;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colour.panel;
    context.stroke();
    context.lineWidth = 1;
}

// The stretches between gaps.
function runs(points) {
    const found = [[]];
    for (const point of points) {
        if (point.value === null) {
            found.push([]);
        } else {
            found.at(-1).push(point);
        }
    }
    return found.filter((run) => run.length > 0);
}

function drawLine(context, box, view, x, y, colour) {
    for (const run of runs(view)) {
        const corners = run.map((point) => [x(point.time), y(point.value)]);
        context.fillStyle = colour.fill;
        context.beginPath();
        context.moveTo(corners[0][0], box.bottom);
        corners.forEach((corner) => context.lineTo(...corner));
        context.lineTo(corners.at(-1)[0], box.bottom);
        context.fill();
        context.strokeStyle = colour.line;
        context.lineWidth = 1.75;
        context.lineJoin = "round";
        strokePath(context, corners);
        context.lineWidth = 1;
    }
    const last = view.at(-1);
    if (last.value !== null) {
        drawDot(context, x(last.time), y(last.value), colour);
    }
}

/** A strip of bars, the newest at the right: how many events each second brought. */
export class RateStrip {
    #surface;
    #counts;
    #age = 0; // seconds, until the strip is full

    /**
     * @param {HTMLCanvasElement} canvas
     * @param {number} seconds
     */
    constructor(canvas, seconds) {
        this.#counts = new Array(seconds).fill(0);
        this.#surface = new Surface(canvas, (...args) => this.#draw(...args));
    }

    add() {
        this.#counts[this.#counts.length - 1]++;
    }

    /** A second has passed. */
    advance() {
        this.#age = Math.min(this.#age + 1, this.#counts.length - 1);
        this.#counts.shift();
        this.#counts.push(0);
        this.#surface.invalidate();
    }

    /** Events a second, over the whole strip but the second that is still running. */
    get rate() {
        const whole = this.#counts.slice(0, -1);
        return whole.reduce((sum, count) => sum + count, 0) / Math.max(1, this.#age);
    }

    #draw(context, width, height, colour) {
        const whole = this.#counts.slice(0, -1);
        const top = Math.max(3, ...whole);
        const pitch = width / whole.length;
        whole.forEach((count, i) => {
            const bar = count === 0 ? 1 : Math.max(3, (count / top) * height);
            context.fillStyle = count === 0 ? colour.grid : colour.line;
            context.fillRect(i * pitch, height - bar, Math.max(1, pitch - 1.5), bar);
        });
    }
}
