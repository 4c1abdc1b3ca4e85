// SPDX-License-Identifier: MIT
// options: how lines are shown, for all views of the page; what is wanted again next time is kept.

import { t } from "../lang.js";
import { byId, setText } from "../page.js";
import { ColumnsMenu } from "./columnsmenu.js";

const storageKey = "ssecgi.log";
const times = ["off", "utc", "local"];

export class Options {
    #views;
    #columnsMenu;
    #values = { wrap: true, time: "off", json: "columns", columns: null, names: false };

    /** @param {import("./view.js").LogView[]} views */
    constructor(views) {
        this.#views = views;
        try {
            const { wrap, time } = JSON.parse(localStorage.getItem(storageKey)) ?? {};
            this.#values.wrap = wrap !== false;
            this.#values.time = times.includes(time) ? time : "off";
        } catch {
            // Nothing is kept, or it is not ours.
        }
        this.#columnsMenu = new ColumnsMenu(this.#values, () => this.#apply());
        this.#apply();
    }

    /** Another view that shows lines so. */
    add(view) {
        this.#views.push(view);
        this.#apply();
    }

    toggleWrap() {
        this.#values.wrap = !this.#values.wrap;
        this.#apply();
    }

    nextTime() {
        this.#values.time = times[(times.indexOf(this.#values.time) + 1) % times.length];
        this.#apply();
    }

    /** Whether lines tell which file they are of. */
    showNames(isShown) {
        if (this.#values.names !== isShown) {
            this.#values.names = isShown;
            this.#apply();
        }
    }

    /** Offers the fields of JSON lines seen so far. */
    showColumns() {
        this.#columnsMenu.show(this.#views[0].columnNames());
    }

    #apply() {
        for (const view of this.#views) {
            view.setOptions(this.#values);
        }
        const { wrap, time } = this.#values;
        byId("wrap").setAttribute("aria-pressed", String(wrap));
        const words = { off: t("Time: off"), utc: t("Time: UTC"), local: t("Time: local") };
        setText(byId("time"), words[time]);
        try {
            localStorage.setItem(storageKey, JSON.stringify({ wrap, time }));
        } catch {
            // Full or switched off.
        }
    }
}
