// SPDX-License-Identifier: MIT
// picked: what can be done with the selected lines, or the current one: link, copy, keep, mark.

import { t, tn } from "../lang.js";
import { byId, formatNumber, setText } from "../page.js";
import { showMarks } from "./bars.js";
import { formatLink } from "./links.js";
import { copy, download, textOf } from "./save.js";

/** @typedef {{store: import("./store.js").Store, view: import("./view.js").LogView}} Pane */

export class Picked {
    #panes;
    #active;
    #marks;
    #tell;
    #openLink;
    #stream;

    /**
     * @param {object} options
     * @param {Pane[]} options.panes
     * @param {() => Pane} options.active the one that is seen
     * @param {import("./links.js").Marks} options.marks
     * @param {string} options.stream
     * @param {(text: string) => void} options.tell
     * @param {(link: {from: string}) => void} options.openLink
     */
    constructor({ panes, active, marks, stream, tell, openLink }) {
        this.#panes = panes;
        this.#active = active;
        this.#marks = marks;
        this.#stream = stream;
        this.#tell = tell;
        this.#openLink = openLink;
        this.showMarks();
    }

    /** The lines, null when there is none. */
    get range() {
        const { store, view } = this.#active();
        const [from, to] = view.selection ?? [view.current, view.current];
        const a = Math.max(from, store.first);
        const b = Math.min(to, store.end - 1);
        return a <= b ? { store, a, b } : null;
    }

    /** Tells how much is selected. */
    show() {
        const range = this.#active().view.selection;
        byId("picked").hidden = !range;
        if (range) {
            const n = range[1] - range[0] + 1;
            const words = tn(n, "{n} line selected", "{n} lines selected", { n: formatNumber(n) });
            setText(byId("picked-text"), words);
        }
    }

    clear() {
        this.#active().view.select(null);
        this.show();
    }

    async copyLink() {
        const range = this.range;
        if (range) {
            history.replaceState(null, "", linkOf(range));
            await copy(location.href);
            this.#tell(
                range.a === range.b
                    ? t("The link to the line is copied.")
                    : t("The link to the lines is copied.")
            );
        }
    }

    async copyLines() {
        const range = this.range;
        if (range) {
            const { store, a, b } = range;
            const text = (await textOf(store, a, b)).join("");
            await copy(text.slice(0, -1)); // the last line's end
            const n = formatNumber(b - a + 1);
            this.#tell(tn(b - a + 1, "{n} line is copied.", "{n} lines are copied.", { n }));
        }
    }

    /** The selected lines as a file, or all that are loaded. */
    async download() {
        const { store, view } = this.#active();
        const [a, b] = view.selection ?? [store.first, store.end - 1];
        download(await textOf(store, a, b), `${this.#stream.replace(/[^\w.-]+/g, "-")}.log`);
    }

    toggleMark() {
        const { store, a } = this.range ?? {};
        const position = store?.positionOf(a);
        if (position) {
            this.#changeMark(position, store.line(a).text, beforeOf(store, a));
        }
    }

    #changeMark(position, text = "", before = "") {
        this.#marks.toggle(position, text, before);
        this.showMarks();
    }

    /** Shows them in all views and in their list. */
    showMarks() {
        for (const { view } of this.#panes) {
            view.marks = this.#marks.positions;
        }
        showMarks(
            this.#marks,
            this.#openLink,
            (position) => this.#changeMark(position)
        );
    }
}

// Of several files nothing can be read before a position: a link is to what comes after one.
function beforeOf(store, number) {
    const isOneFile = store.nameOf(number) === "";
    return isOneFile || number === store.first ? "" : store.positionOf(number - 1);
}

function linkOf({ store, a, b }) {
    const before = beforeOf(store, a);
    if (before) {
        return a === b ? `#+${before}` : `#+${before}..${store.positionOf(b)}`;
    }
    return formatLink(store.positionOf(a), store.positionOf(b));
}
