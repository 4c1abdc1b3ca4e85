// SPDX-License-Identifier: MIT
// row: one row of the log page: a line's number and its text. Elements are used again.

import { t } from "../lang.js";
import { formatGap, make, setText } from "../page.js";
import { parseObject } from "../ssecgi.js";

/** The store cuts what it gives for showing at so many characters, or one less. */
export const cutChars = 4095;

const levelClasses = ["", "debug", "info", "warn", "error"];

// Controls and what can't be seen, in parts of UTF-16. Until they can be told by name (ansi.js) a
// sign stands for each.
const odd =
    /[\0-\x08\n-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\udb40]/;
const oddAll = new RegExp(odd, "g");

/** How rows look until something else is chosen. */
export function makeLook(store) {
    return {
        store,
        version: 0,
        options: { wrap: true, time: "off", json: "raw", columns: null, ansi: true, names: false },
        patterns: [],
        isHit: () => true,
        opened: new Map(),
        marks: new Set(),
        range: null,
        hits: [],
        edges: {},
        flashed: NaN,
        rich: null,
    };
}

/** The number of a line as a reader sees it: 1 is the first that the page had; −1 the one before. */
export function labelOf(number) {
    return number < 0 ? `\u2212${-number}` : String(number + 1);
}

export class Row {
    #extras = [];
    #class = "";
    /** The line's number in the store. */
    number = NaN;
    position = "";
    /** Of which look it was filled. */
    version = -1;
    /** What can be copied in part: an element, what it stands for, and its runs. */
    cells = [];

    /** @param {import("./rich.js").Look} look */
    constructor(look) {
        this.look = look;
        this.handle = make("span", "number");
        this.handle.setAttribute("role", "button");
        this.handle.tabIndex = -1;
        this.text = make("span", "text");
        this.element = make("div", "log-row", this.handle, this.text);
    }

    /** Shows a line. */
    fill(number) {
        const { look } = this;
        const { store } = look;
        const isHere = number >= store.first && number < store.end;
        const line = isHere ? store.line(number) : undefined;
        this.number = number;
        this.version = look.version;
        this.position = line?.position ?? "";
        this.#extras.splice(0).forEach((extra) => extra.remove());
        this.cells = [];
        setText(this.handle, labelOf(number));
        this.#class = `log-row ${line?.kind ?? "gone"} ${levelClasses[line?.level ?? 0]}`;
        if (!line) {
            this.text.textContent = t("No longer in memory");
        } else if (line.kind === "gap") {
            this.#fillGap(line);
        } else {
            this.#fillLine(line);
        }
        if (line?.startsFile) {
            this.addClass("starts");
            this.addExtra(make("span", "boundary", t("A new file begins")), this.handle);
        }
        this.decorate();
    }

    /** Shows what the row is besides its text: selected, marked, gone to. */
    decorate() {
        const { flashed, marks, range } = this.look;
        const isSelected = range !== null && this.number >= range[0] && this.number <= range[1];
        let name = this.#class;
        name += isSelected ? " selected" : "";
        name += marks.has(this.position) ? " marked" : "";
        name += flashed === this.number ? " flash" : "";
        if (this.element.className !== name) {
            this.element.className = name;
            this.handle.setAttribute("aria-pressed", String(isSelected));
        }
    }

    /** Adds an element until the row is filled again. */
    addExtra(element, before = null) {
        this.#extras.push(element);
        this.element.insertBefore(element, before);
    }

    /** Adds a class until the row is filled again. */
    addClass(name) {
        this.#class += ` ${name}`;
    }

    /** Shows a text as it is. */
    setPlain(element, text) {
        const node = element.firstChild;
        if (node?.nodeType === Node.TEXT_NODE && node === element.lastChild) {
            node.data = text;
        } else {
            element.textContent = text;
        }
    }

    #fillGap(line) {
        const gap = { reason: "unknown", ...parseObject(line.text) };
        this.text.textContent = formatGap(gap).replace(oddAll, "\ufffd");
        if (this.look.canLoad(line.number)) {
            const button = make("button", "load", t("Load"));
            button.type = "button";
            this.addExtra(button);
        }
    }

    #fillLine(line) {
        const { options, rich } = this.look;
        if (options.names && line.name) {
            const name = make("span", "name", line.name.replace(oddAll, "\ufffd"));
            this.addExtra(name, this.text);
        }
        if (!this.#isRich(line)) {
            this.setPlain(this.text, line.text);
        } else if (rich) {
            rich.fillLine(this, line);
        } else {
            this.setPlain(this.text, line.text.replace(oddAll, "\ufffd"));
            this.look.needRich();
        }
    }

    #isRich({ number, text }) {
        const { isHit, options, patterns } = this.look;
        return (
            odd.test(text) ||
            text.length >= cutChars ||
            options.time !== "off" ||
            (options.json === "columns" && text[0] === "{") ||
            (patterns.length > 0 && isHit(number))
        );
    }
}
