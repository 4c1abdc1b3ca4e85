// SPDX-License-Identifier: MIT
// columnsmenu: which fields of JSON lines are columns; or the lines as they are.

import { byId, make } from "../page.js";

export class ColumnsMenu {
    #options;
    #onChange;
    #names = [];

    /**
     * @param {{json: string, columns: string[] | null}} options of the view, changed here
     * @param {() => void} onChange
     */
    constructor(options, onChange) {
        this.#options = options;
        this.#onChange = onChange;
        byId("raw").checked = options.json === "raw";
        byId("raw").addEventListener("change", () => {
            options.json = byId("raw").checked ? "raw" : "columns";
            onChange();
        });
    }

    /** @param {string[]} names of the fields seen so far */
    show(names) {
        byId("json").hidden &&= names.length === 0;
        for (const name of names) {
            if (!this.#names.includes(name)) {
                this.#names.push(name);
                byId("columns").append(this.#makeChoice(name));
            }
        }
    }

    #makeChoice(name) {
        const box = make("input", "");
        box.type = "checkbox";
        box.addEventListener("change", () => {
            // In the order of choice; with none the view arranges what there is.
            const others = (this.#options.columns ?? []).filter((each) => each !== name);
            const columns = box.checked ? [...others, name] : others;
            this.#options.columns = columns.length > 0 ? columns : null;
            this.#onChange();
        });
        return make("label", "", box, " ", make("span", "", name));
    }
}
