// SPDX-License-Identifier: MIT
// view: the rows of a log on the screen: follows the end, or stays where the reader is.

import { addStyles, late } from "./late.js";
import { Row, makeLook } from "./row.js";
import { RowIndex, RowWindow, maxRows } from "./window.js";

const stepRows = 40;
const nearPx = 600; // this close to the window's edge, the window moves on
const endPx = 24; // this close to the end counts as the end
const spareRows = 16; // beyond what fills the screen
const hurryMs = 48; // while whole screens go by, none can be read: fewer are drawn

const loadStyles = late(async () => addStyles("log/more.css"));

export class LogView {
    #viewport;
    #list;
    #store;
    #on;
    #lines;
    #window;
    #around = null;
    #loadAround;
    #isFollowing = true;
    #seenEnd = -Infinity; // one past the newest line that has been in the page
    #current = NaN;
    #lost = null;
    #frame = 0;
    #drawnAt = 0;
    #lineHeight = 20;
    #look;

    /** @param {import("./types.d.ts").ViewParts} parts */
    constructor({ viewport, list, rail, store, ...on }) {
        this.#viewport = viewport;
        this.#list = list;
        this.#store = store;
        this.#on = on;
        this.#lines = new RowIndex(store);
        const loadRich = late(() => this.#addRich());
        this.#loadAround = late(() => this.#addAround(rail));
        this.#look = {
            ...makeLook(store),
            canLoad: (number) => on.canLoad?.(number) ?? false,
            needRich: () => loadRich().catch(() => {}),
            restyle: () => this.#restyle(),
            viewport,
        };
        this.#window = new RowWindow(viewport, list, this.#lines, () => new Row(this.#look));
        viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        // A click may come before what takes it is loaded.
        list.addEventListener("click", async (event) => {
            await this.#loadAround().catch(() => {});
            this.#around?.clicked(event);
        });
        new ResizeObserver(() => this.#resized()).observe(viewport);
        this.#applyOptions();
    }

    // What plain lines do not need is loaded when the first that does is shown.
    async #addRich() {
        const rich = await import("./rich.js");
        this.#look.memory = rich.makeMemory();
        this.#look.rich = rich;
        this.#applyOptions();
    }

    // The rows are shown first, then what is around them.
    async #addAround(rail) {
        const { Around } = await import("./around.js");
        await loadStyles();
        const parts = { list: this.#list, rail, lines: this.#lines, window: this.#window };
        parts.look = this.#look;
        parts.on = this.#on;
        this.#window.keep(() => {
            this.#around = new Around(parts, {
                pause: () => this.pause(),
                follow: () => this.follow(),
                show: (index, offsetPx) => this.#goToRow(index, offsetPx),
                pushed: (downPx) => this.#pushed(downPx),
                step: (number) => (this.#current = number),
                select: (from, to) => this.select(from, to),
                lineHeight: () => this.#lineHeight,
            });
        });
        this.#stayAtEnd();
        this.update();
    }

    get isFollowing() {
        return this.#isFollowing;
    }

    /** Lines that came since the pause and have not been in the page. */
    get waiting() {
        if (this.#isFollowing) {
            return 0;
        }
        const { low, high } = this.#lines;
        return high - Math.max(low, this.#lines.indexOf(this.#seenEnd));
    }

    /** The line that commands are about: the one last gone to, while it is seen, else the topmost. */
    get current() {
        const [first, last] = this.visible;
        if (Number.isNaN(first)) {
            return undefined;
        }
        return this.#current >= first && this.#current <= last ? this.#current : first;
    }

    get visible() {
        const top = this.#window.top();
        if (!top) {
            return [NaN, NaN];
        }
        const last = Math.max(top.index, this.#window.bottom() - 1);
        return [top.number, this.#window.rows[last - this.#window.from].number];
    }

    get options() {
        return { ...this.#look.options };
    }

    get marks() {
        return this.#look.marks;
    }

    set marks(positions) {
        this.#look.marks = positions;
        this.#decorate();
        this.#around?.refresh();
    }

    update() {
        this.#frame ||= requestAnimationFrame(() => this.#draw());
    }

    /** The store has been cleared: its numbers begin anew. */
    reset() {
        this.#window.clear();
        this.#look.opened.clear();
        this.#around?.clear();
        this.#seenEnd = -Infinity;
        this.#current = NaN;
        this.#lost = null;
        this.#look.range = null;
        this.update();
    }

    /** Shows only some lines, ascending numbers; null for all. The reader's place is kept. */
    setRows(numbers) {
        // Where no line is left, the place is kept for when there are some again.
        const top = this.#window.top() ?? this.#lost;
        this.#lost = top;
        this.#lines.chosen = numbers;
        if (this.#isFollowing || !top) {
            this.update();
        } else {
            // What is left of the window may stand anywhere in it now.
            this.#show(this.#lines.indexOf(top.number), top.offset);
        }
        this.#around?.refresh();
    }

    pause() {
        if (this.#isFollowing) {
            this.#isFollowing = false;
            this.#on.onChange?.();
        }
    }

    follow() {
        this.#isFollowing = true;
        this.#current = NaN;
        this.#drawnAt = 0;
        this.#showNewest();
        this.#changed();
    }

    /** Goes to a line, or to the next one that is shown. */
    goTo(number, { flash = false } = {}) {
        this.#isFollowing = false;
        const { low, high } = this.#lines;
        const index = Math.min(this.#lines.indexOf(number), high - 1);
        if (index < low) {
            this.#changed();
            return;
        }
        this.#current = this.#lines.at(index);
        this.#look.flashed = flash ? this.#current : NaN;
        this.#show(index, (this.#viewport.clientHeight - this.#lineHeight) / 2);
        this.#decorate();
    }

    /** Marks what the patterns match, in lines that are hits: on others one may take for ever. */
    highlight(patterns, isHit = () => true) {
        this.#look.marker?.dispose();
        this.#look.marker = undefined;
        this.#look.patterns = patterns;
        this.#look.isHit = isHit;
        this.#restyle();
    }

    get selection() {
        return this.#look.range && [...this.#look.range];
    }

    /** Selects the lines from one to another; null for none. */
    select(from, to = from) {
        this.#look.range = from === null ? null : [Math.min(from, to), Math.max(from, to)];
        this.#decorate();
    }

    setHits(numbers) {
        this.#look.hits = numbers;
        this.#around?.refresh();
    }

    /** What stands beyond the oldest and the newest row; see EdgeState in edges.js. */
    setEdges(states) {
        Object.assign(this.#look.edges, states);
        this.#window.keep(() => this.#around?.setEdges());
        this.#stayAtEnd();
        this.update();
    }

    setOptions(options) {
        const before = JSON.stringify(this.#look.options);
        if (JSON.stringify(Object.assign(this.#look.options, options)) !== before) {
            this.#applyOptions();
        }
    }

    #applyOptions() {
        const all = this.#look.options;
        const chosen = (all.json === "columns" && all.columns) || [];
        this.#look.rich?.chooseColumns(this.#look, chosen);
        this.#around?.showHead();
        this.#list.classList.toggle("wrap", all.wrap && chosen.length === 0);
        this.#list.classList.toggle("chosen", chosen.length > 0);
        this.#restyle();
    }

    columnNames() {
        return this.#look.memory?.columns.seen() ?? [];
    }

    textOf(from, to) {
        return this.#lines.textOf(from, to);
    }

    // Drawing

    get #screenRows() {
        return Math.ceil(this.#viewport.clientHeight / this.#lineHeight) + spareRows;
    }

    #draw() {
        this.#frame = 0;
        if (this.#isFollowing) {
            const isNewScreen = this.#lines.high - this.#window.to > this.#screenRows;
            if (isNewScreen && performance.now() - this.#drawnAt < hurryMs) {
                this.update();
                return;
            }
            this.#showNewest();
        } else {
            this.#catchUp();
        }
        this.#changed();
        if (this.#window.to > this.#window.from) {
            this.#loadAround().catch(() => {});
        }
    }

    #showNewest() {
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        const { low, high } = this.#lines;
        const rows = Math.min(maxRows, this.#screenRows);
        this.#render(Math.max(low, high - rows), high);
        this.#window.toEnd();
        this.#drawnAt = performance.now();
        this.#askForMore();
    }

    // Paused: what the reader sees stays; rows that are gone or new change the rest.
    #catchUp() {
        const { low, high } = this.#lines;
        const { from, to } = this.#window;
        if (from >= to || to <= low) {
            this.#show(low, 0);
        } else if (from < low || to > high) {
            this.#window.keep(() => this.#render(Math.max(from, low), Math.min(to, high)));
        }
        this.#extend();
    }

    #render(from, to) {
        const version = this.#look.version;
        this.#window.render(from, to, (row) => row.version !== version);
        this.#seenEnd = Math.max(this.#seenEnd, (this.#lines.at(to - 1) ?? -Infinity) + 1);
        this.#around?.rendered();
    }

    // Puts a row at a place on the screen, and rows around it.
    #show(wanted, offsetPx) {
        const { low, high } = this.#lines;
        if (low >= high) {
            this.#render(low, low);
            this.#changed();
            return;
        }
        const index = Math.min(Math.max(wanted, low), high - 1);
        const before = Math.ceil(Math.max(0, offsetPx) / this.#lineHeight) + spareRows;
        const from = Math.max(low, index - before);
        const to = Math.min(high, Math.min(from + maxRows, index + this.#screenRows));
        this.#render(from, to);
        this.#window.place(index, offsetPx);
        this.#extend();
        this.#changed();
    }

    // Moves the window on when the reader comes near one of its ends.
    #extend() {
        const { low, high } = this.#lines;
        const { from, to, above, below } = this.#window;
        const near = Math.max(nearPx, this.#viewport.clientHeight);
        if (above < near && from > low) {
            // A fast movement may have left the rows behind: as many as fit in between.
            const missed = Math.ceil(Math.max(0, -above) / this.#lineHeight);
            const start = Math.max(low, from - stepRows - missed);
            this.#window.keep(() => this.#render(start, Math.min(to, start + maxRows)));
        } else if (below < near && to < high) {
            const end = Math.min(high, to + stepRows);
            this.#window.keep(() => this.#render(Math.max(from, end - maxRows), end));
        }
        this.#askForMore();
    }

    #askForMore() {
        const { low, high } = this.#lines;
        const near = 2 * Math.max(nearPx, this.#viewport.clientHeight);
        if (this.#window.from <= low && this.#window.above < near) {
            this.#around?.reach("older");
        }
        if (this.#window.to >= high && this.#window.below < near && this.#store.isDetached) {
            this.#around?.reach("newer");
        }
    }

    #restyle() {
        this.#look.version++;
        const { low, high } = this.#lines;
        const from = Math.max(low, this.#window.from);
        const to = Math.min(high, this.#window.to);
        this.#window.keep(() => this.#render(from, Math.max(from, to)));
        this.#stayAtEnd();
        this.#extend();
    }

    #decorate() {
        this.#window.rows.forEach((row) => row.decorate());
    }

    #stayAtEnd() {
        if (this.#isFollowing) {
            this.#window.toEnd();
        }
    }

    #resized() {
        this.#lineHeight = parseFloat(getComputedStyle(this.#list).lineHeight) || this.#lineHeight;
        this.#stayAtEnd();
        this.update();
    }

    #changed() {
        const top = this.#window.top();
        const { low, high } = this.#lines;
        const part = top ? Math.min(1, Math.max(0, -top.offset / top.height)) : 0;
        const bottom = top ? Math.max(top.index + 1, this.#window.bottom()) : low;
        const isEnd = this.#isFollowing || (bottom >= high && this.#window.below <= endPx);
        const first = top ? top.index + part : low;
        const row = this.#window.rows.find(({ number }) => number === this.#current) ?? top?.row;
        const place = { low, high, bottom: isEnd ? high : bottom, top: isEnd ? high - (bottom - first) : first };
        this.#around?.seen(place, row);
        this.#on.onChange?.();
    }

    // What the reader does

    #scrolled() {
        const view = this.#window;
        const top = this.#viewport.scrollTop;
        const isUp = top < view.lastTop - 0.5;
        const isDown = top > view.lastTop + 0.5;
        view.lastTop = top;
        if (this.#isFollowing) {
            if (!isUp || view.below <= endPx) {
                return;
            }
            this.pause();
        } else if (isDown && this.#isAtEnd()) {
            this.follow();
            return;
        }
        this.#extend();
        this.#changed();
    }

    #isAtEnd() {
        const isLast = this.#window.to >= this.#lines.high && !this.#store.isDetached;
        return isLast && this.#window.below <= endPx;
    }

    // A wheel or a finger moves the rows: what follows would work against it.
    #pushed(downPx) {
        if (downPx > 0 && this.#isFollowing && this.#window.above > 0) {
            this.pause();
        }
    }

    #goToRow(index, offsetPx) {
        this.#isFollowing = false;
        this.#current = NaN;
        this.#show(index, offsetPx);
    }
}
