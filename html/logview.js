// SPDX-License-Identifier: MIT
// logview: shows a window of a LogStore's rows; follows the end, or stays where the reader is.

/** @typedef {import("./logstore.js").Row} Row */

const windowRows = 200; // in the page at most, whatever the store holds
const stepRows = 50;
const nearPx = 600; // this close to the window's edge, the window moves on
const endPx = 24; // this close to the end counts as the end
const shownChars = 4096; // of one line; the rest is counted

// A control character would be invisible, or act: show its picture. Tab is left alone.
// Bidirectional controls could make a line read as another: show their code.
const controls = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
const bidiControls = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const levels = [
    ["error", /\b(?:emerg|alert|crit|critical|fatal|panic|error|err|severe)\b|" 5\d\d /i],
    ["warn", /\b(?:warn|warning)\b|" 4\d\d /i],
];
const levelChars = 512;

function pictureOf(char) {
    const code = char.charCodeAt(0);
    return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
}

function codeOf(char) {
    return `<U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`;
}

function visible(text) {
    return text.replace(controls, pictureOf).replace(bidiControls, codeOf);
}

function levelOf(text) {
    const start = text.slice(0, levelChars);
    return levels.find(([, pattern]) => pattern.test(start))?.[0];
}

function span(className, text) {
    const element = document.createElement("span");
    element.className = className;
    element.textContent = text;
    return element;
}

/** @param {Row} row */
function makeRow(row) {
    const element = document.createElement("div");
    element.className = `log-row ${row.kind}`;
    element.dataset.position = row.position;
    element.append(span("number", row.label));
    element.append(span("text", visible(row.text.slice(0, shownChars))));
    if (row.text.length > shownChars) {
        const rest = (row.text.length - shownChars).toLocaleString("en");
        element.append(span("rest", `… ${rest} more characters`));
    }
    const level = row.kind === "line" ? levelOf(row.text) : undefined;
    if (level) {
        element.dataset.level = level;
    }
    return element;
}

export class LogView {
    #viewport;
    #list;
    #store;
    #onChange;
    #from = 0; // the rows [from, to) of the store are in the page
    #to = 0;
    #pausedAt = 0;
    #isFollowing = true;
    #lastTop = 0;
    #frame = 0;

    /**
     * @param {HTMLElement} viewport the element that scrolls
     * @param {HTMLElement} list     the element in it that holds the rows
     * @param {import("./logstore.js").LogStore} store
     * @param {() => void} onChange  following began or ended, or rows came into view
     */
    constructor(viewport, list, store, onChange) {
        this.#viewport = viewport;
        this.#list = list;
        this.#store = store;
        this.#onChange = onChange;
        viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        new ResizeObserver(() => this.#keepEnd()).observe(viewport);
    }

    get isFollowing() {
        return this.#isFollowing;
    }

    /** Rows that arrived since the pause and have not been in the page. */
    get waiting() {
        return this.#isFollowing ? 0 : this.#store.end - Math.max(this.#pausedAt, this.#to);
    }

    /** The store has new rows. */
    update() {
        if (this.#isFollowing) {
            this.#frame ||= requestAnimationFrame(() => this.#showNewest());
        }
    }

    pause() {
        if (this.#isFollowing) {
            this.#isFollowing = false;
            this.#pausedAt = this.#to;
            this.#onChange();
        }
    }

    follow() {
        this.#isFollowing = true;
        this.#showNewest();
    }

    /** The rows changed their height. */
    layoutChanged() {
        this.#keepEnd();
    }

    #keepEnd() {
        if (this.#isFollowing) {
            this.#viewport.scrollTop = this.#viewport.scrollHeight;
        }
        this.#lastTop = this.#viewport.scrollTop;
    }

    #showNewest() {
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        if (!this.#isFollowing) {
            return; // paused since the frame was asked for
        }
        const end = this.#store.end;
        if (end - this.#to >= windowRows) {
            this.#list.replaceChildren();
            this.#from = end - windowRows;
            this.#to = this.#from;
        }
        this.#append(end);
        this.#dropTop();
        this.#keepEnd();
        this.#onChange();
    }

    #rows(from, to) {
        const fragment = document.createDocumentFragment();
        for (let number = from; number < to; number++) {
            fragment.append(makeRow(this.#store.get(number)));
        }
        return fragment;
    }

    #append(to) {
        this.#list.append(this.#rows(this.#to, to));
        this.#to = to;
    }

    #dropTop() {
        for (; this.#to - this.#from > windowRows; this.#from++) {
            this.#list.firstElementChild.remove();
        }
    }

    #prepend(from) {
        this.#list.prepend(this.#rows(from, this.#from));
        this.#from = from;
        for (; this.#to - this.#from > windowRows; this.#to--) {
            this.#list.lastElementChild.remove();
        }
    }

    #scrolled() {
        const view = this.#viewport;
        const top = view.scrollTop;
        const below = view.scrollHeight - top - view.clientHeight;
        const isUp = top < this.#lastTop;
        const isDown = top > this.#lastTop;
        this.#lastTop = top;

        if (this.#isFollowing) {
            if (isUp && below > endPx) {
                this.pause();
            }
            return;
        }
        if (isDown && below <= endPx && this.#to === this.#store.end) {
            this.follow();
        } else if (isUp && top < nearPx && this.#from > this.#store.first) {
            this.#moveUp();
        } else if (isDown && below < nearPx && this.#to < this.#store.end) {
            this.#moveDown();
        }
    }

    // The row that the reader looks at stays where it is on the screen.
    #moveUp() {
        const anchor = this.#list.firstElementChild;
        const before = anchor.offsetTop;
        this.#prepend(Math.max(this.#store.first, this.#from - stepRows));
        this.#viewport.scrollTop += anchor.offsetTop - before;
        this.#lastTop = this.#viewport.scrollTop;
        this.#onChange();
    }

    #moveDown() {
        const anchor = this.#list.lastElementChild;
        const before = anchor.offsetTop;
        this.#append(Math.min(this.#store.end, this.#to + stepRows));
        this.#dropTop();
        this.#viewport.scrollTop += anchor.offsetTop - before;
        this.#lastTop = this.#viewport.scrollTop;
        this.#onChange();
    }
}
