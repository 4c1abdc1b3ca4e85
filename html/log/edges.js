// SPDX-License-Identifier: MIT
// edges: what stands before the oldest row and after the newest.

import { t } from "../lang.js";
import { make } from "../page.js";

/**
 * @typedef {"" | "more" | "ask" | "loading" | "beginning" | "gone" | "failed"} EdgeState
 *
 * more: there are lines beyond; they are asked for when the reader comes near.
 * ask: there are, and the reader must press the button.
 */

const words = {
    older: () => ({
        more: t("Load earlier lines"),
        ask: t("Load earlier lines"),
        loading: t("Loading earlier lines"),
        beginning: t("This is the beginning of the log"),
        gone: t("Earlier lines are no longer there"),
        failed: t("Earlier lines could not be loaded: try again"),
    }),
    newer: () => ({
        more: t("Load later lines"),
        ask: t("Load later lines"),
        loading: t("Loading later lines"),
        failed: t("Later lines could not be loaded: try again"),
    }),
};

export class Edge {
    #onReach;
    #words;
    #state = "";

    /**
     * @param {"older" | "newer"} side
     * @param {() => void} onReach the reader comes near, or presses the button
     */
    constructor(side, onReach) {
        this.#words = words[side]();
        this.#onReach = onReach;
        this.element = make("div", `log-edge ${side}`);
        this.element.hidden = true;
        this.element.addEventListener("click", (event) => {
            if (event.target.matches("button")) {
                onReach();
            }
        });
    }

    /** @param {EdgeState} state */
    set(state) {
        if (state !== this.#state) {
            this.#state = state;
            const isButton = ["more", "ask", "failed"].includes(state);
            const inner = make(isButton ? "button" : "span", "", this.#words[state] ?? "");
            if (isButton) {
                inner.type = "button";
            }
            this.element.dataset.state = state;
            this.element.replaceChildren(inner);
        }
    }

    show(isAtEnd) {
        this.element.hidden = !isAtEnd || this.#state === "";
    }

    reach() {
        if (this.#state === "more") {
            this.#onReach();
        }
    }
}
