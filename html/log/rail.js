// SPDX-License-Identifier: MIT
// rail: the log page's scrollbar. It stands for all rows, those that are not in the page as well.

import { t } from "../lang.js";
import { make } from "../page.js";

const thumbMinPx = 28;
const tickPx = 2;
const maxTicks = 300; // of a kind
const tickEveryMs = 1000;
const kinds = ["error", "gap", "mark", "hit"]; // the later is drawn over the earlier

export class Rail {
    #root;
    #thumb = make("div", "thumb");
    #canvas = make("canvas", "ticks");
    #on;
    #size = { height: 0, thumb: 0 };
    #place = { low: 0, high: 0, top: 0, bottom: 0 };
    #grab = 0; // where in the thumb the pointer holds it
    #drawnAt = -Infinity;
    #timer = 0;

    /**
     * @param {HTMLElement} root
     * @param {string} controls the id of what it scrolls
     * @param {{toFraction(fraction: number): void, key(name: string): boolean,
     *     ticks(count: number): Record<string, Iterable<number>>}} on
     *     ticks: for each kind where on the rail, from 0 to 1
     */
    constructor(root, controls, on) {
        this.#root = root;
        this.#on = on;
        root.tabIndex = 0;
        const attributes = {
            "aria-controls": controls,
            "aria-label": t("Place in the log"),
            "aria-orientation": "vertical",
            "aria-valuemax": "100",
            "aria-valuemin": "0",
            "aria-valuenow": "0",
            role: "scrollbar",
        };
        for (const [name, value] of Object.entries(attributes)) {
            root.setAttribute(name, value);
        }
        root.replaceChildren(this.#canvas, this.#thumb);
        root.addEventListener("pointerdown", (event) => this.#grip(event));
        root.addEventListener("pointermove", (event) => this.#drag(event));
        root.addEventListener("keydown", (event) => {
            if (on.key(event.key)) {
                event.preventDefault();
            }
        });
        for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
            matchMedia(query).addEventListener("change", () => this.refresh());
        }
        new ResizeObserver(() => this.#resized()).observe(root);
    }

    /**
     * Shows which part is seen.
     *
     * @param {{low: number, high: number, top: number, bottom: number}} place the rows [low, high),
     *     of which those from top to bottom are seen
     */
    show(place) {
        this.#place = place;
        const { height } = this.#size;
        const count = Math.max(1, place.high - place.low);
        const seen = Math.min(count, Math.max(0, place.bottom - place.top));
        const thumb = Math.min(height, Math.max(thumbMinPx, Math.round((height * seen) / count)));
        const fraction = count > seen ? (place.top - place.low) / (count - seen) : 0;
        const at = Math.min(1, Math.max(0, fraction));
        this.#size.thumb = thumb;
        this.#thumb.style.height = `${thumb}px`;
        this.#thumb.style.transform = `translateY(${(height - thumb) * at}px)`;
        this.#root.classList.toggle("whole", seen >= count);
        const percent = String(Math.round(at * 100));
        if (this.#root.getAttribute("aria-valuenow") !== percent) {
            this.#root.setAttribute("aria-valuenow", percent);
        }
        this.#tickLater();
    }

    /** What the ticks stand for has changed. */
    refresh() {
        this.#drawnAt = -Infinity;
        this.#tickLater();
    }

    #resized() {
        this.#size.height = this.#root.clientHeight;
        this.show(this.#place);
        this.refresh();
    }

    #grip(event) {
        if (event.button !== 0) {
            return;
        }
        const box = this.#thumb.getBoundingClientRect();
        const isOnThumb = event.clientY >= box.top && event.clientY <= box.bottom;
        this.#grab = isOnThumb ? event.clientY - box.top : box.height / 2;
        this.#root.setPointerCapture(event.pointerId);
        if (!isOnThumb) {
            this.#drag(event);
        }
    }

    #drag(event) {
        if (!this.#root.hasPointerCapture(event.pointerId)) {
            return;
        }
        const { height, thumb } = this.#size;
        const y = event.clientY - this.#root.getBoundingClientRect().top - this.#grab;
        this.#on.toFraction(height > thumb ? Math.min(1, Math.max(0, y / (height - thumb))) : 0);
    }

    #tickLater() {
        const waitMs = this.#drawnAt + tickEveryMs - performance.now();
        this.#timer ||= setTimeout(() => {
            this.#timer = 0;
            this.#drawnAt = performance.now();
            this.#draw();
        }, Math.max(0, waitMs));
    }

    #draw() {
        const { height } = this.#size;
        const width = this.#root.clientWidth;
        const scale = devicePixelRatio;
        this.#canvas.width = Math.round(width * scale);
        this.#canvas.height = Math.round(height * scale);
        const paint = this.#canvas.getContext("2d");
        const style = getComputedStyle(this.#root);
        const ticks = this.#on.ticks(Math.min(maxTicks, Math.floor(height / tickPx)));
        paint.scale(scale, scale);
        kinds.forEach((kind, i) => {
            paint.fillStyle = style.getPropertyValue(`--tick-${kind}`).trim();
            // Each kind has a place of its own, so that colour is not all that tells them apart.
            const left = kind === "gap" ? 0 : 2 + (i * (width - 10)) / kinds.length;
            for (const at of ticks[kind] ?? []) {
                paint.fillRect(left, Math.min(height - tickPx, at * height), kind === "gap" ? width : 8, tickPx);
            }
        });
    }
}
