// SPDX-License-Identifier: MIT
// bars: the toggles of levels and files, and the list of marks.

import { key, t } from "../lang.js";
import { byId, formatNumber, make, setText } from "../page.js";

const levels = [
    [4, "error", key("Error")],
    [3, "warn", key("Warn")],
    [2, "info", key("Info")],
    [1, "debug", key("Debug")],
    [0, "other", key("Other")],
];

function makeButton(text, isPressed, onClick) {
    const button = make("button", "", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String(isPressed));
    button.addEventListener("click", () => onClick(button));
    return button;
}

/** Which levels are shown. */
export class LevelBar {
    #isShown = levels.map(() => true);
    #counts = [];

    /** @param {() => void} onChange */
    constructor(onChange) {
        for (const [level, name, word] of levels) {
            const count = make("span", "number");
            const button = makeButton(make("span", "", t(word)), true, () => {
                this.#isShown[level] = !this.#isShown[level];
                button.setAttribute("aria-pressed", String(this.#isShown[level]));
                onChange();
            });
            button.dataset.level = name;
            button.append(" ", count);
            this.#counts[level] = count;
            byId("levels").append(button);
        }
    }

    get isAll() {
        return this.#isShown.every(Boolean);
    }

    shows(level) {
        return this.#isShown[level];
    }

    /** @param {Uint32Array} counts by level */
    showCounts(counts) {
        this.#counts.forEach((element, level) => setText(element, formatNumber(counts[level])));
    }
}

/** Which of several files is shown. */
export class FileBar {
    #onChange;
    #names = 0;
    #current = "";

    /** @param {() => void} onChange */
    constructor(onChange) {
        this.#onChange = onChange;
    }

    /** The file's name, "" for all. */
    get current() {
        return this.#current;
    }

    /** @param {string[]} names seen so far */
    show(names) {
        const files = names.filter(Boolean);
        if (files.length === this.#names) {
            return;
        }
        this.#names = files.length;
        byId("files").replaceChildren(
            ...["", ...files].map((name) =>
                makeButton(name || t("All files"), name === this.#current, (button) => {
                    this.#current = name;
                    for (const each of byId("files").children) {
                        each.setAttribute("aria-pressed", String(each === button));
                    }
                    this.#onChange();
                })
            )
        );
    }
}

/**
 * The list of marks.
 *
 * @param {import("./links.js").Marks} marks
 * @param {(link: {from: string, before: string}) => void} onGo
 * @param {(position: string) => void} onRemove
 */
export function showMarks(marks, onGo, onRemove) {
    const list = marks.list;
    setText(byId("marks-title"), list.length > 0 ? t("Marks {n}", { n: list.length }) : t("Marks"));
    byId("no-marks").hidden = list.length > 0;
    byId("marks").replaceChildren(
        ...list.map(([position, text, before]) => {
            const go = make("button", "mark", text || position);
            const remove = make("button", "", "✕");
            go.type = remove.type = "button";
            remove.setAttribute("aria-label", t("Remove this mark"));
            go.addEventListener("click", () => {
                closeMenu();
                onGo({ from: position, before });
            });
            remove.addEventListener("click", () => onRemove(position));
            return make("li", "", go, remove);
        })
    );
}

/** Menus close when something else is clicked or reached. */
export function useMenus() {
    const closeOthers = (event) => {
        for (const menu of document.querySelectorAll("details.menu[open]")) {
            // What was clicked may have left the page meanwhile.
            if (!event.composedPath().includes(menu)) {
                menu.open = false;
            }
        }
    };
    addEventListener("click", closeOthers);
    addEventListener("focusin", closeOthers);
    byId("fold").addEventListener("click", () => {
        const isOpen = byId("tools").classList.toggle("open");
        byId("fold").setAttribute("aria-expanded", String(isOpen));
    });
}

/** Closes the menu that is open. @returns {boolean} whether there was one */
export function closeMenu() {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
    }
    return menu !== null;
}
