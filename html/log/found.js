// SPDX-License-Identifier: MIT
// found: a search of the whole log by the server, its results as a list of their own.

import { t, tn } from "../lang.js";
import { byId, formatBytes, formatNumber, setText } from "../page.js";
import { serverQuery } from "./search.js";
import { Store } from "./store.js";

const keepBytes = 16 * 1024 * 1024;

export class Found {
    store = new Store({ capBytes: 2 * keepBytes });
    #feed;
    #onBatch;
    #search = null;
    #turn = 0;
    #count = 0;
    #left = "";
    #end = "";

    /**
     * @param {import("./feed.js").Feed} feed
     * @param {() => void} onBatch results came
     */
    constructor(feed, onBatch) {
        this.#feed = feed;
        this.#onBatch = onBatch;
        byId("found-cancel").addEventListener("click", () => this.#stop(t("cancelled")));
    }

    get isOpen() {
        return !byId("found-frame").hidden;
    }

    /**
     * @param {import("./search.js").Query} query
     * @param {number} context lines around each
     */
    open(query, context) {
        this.#stop("");
        this.store.clear();
        this.#count = 0;
        this.#left = "";
        this.#end = "";
        this.#show(true);
        const turn = ++this.#turn;
        const isMine = () => turn === this.#turn;
        this.#search = this.#feed.search(
            { ...serverQuery(query), ...(context > 0 ? { context } : {}) },
            {
                onBatch: (batch) => isMine() && this.#take(batch),
                onProgress: (progress) => isMine() && this.#progress(progress),
                onEnd: (reason) => isMine() && this.#ended(reason),
            }
        );
        this.#tell();
    }

    close() {
        this.#stop(t("cancelled"));
        this.#show(false);
    }

    #take(batch) {
        const before = this.store.count;
        this.store.append(batch);
        this.#count += this.store.count - before;
        if (this.store.bytes > keepBytes) {
            this.#stop(t("too many: these are the first"));
        }
        this.#onBatch();
        this.#tell();
    }

    #progress({ bytesLeft }) {
        this.#left = typeof bytesLeft === "number" ? formatBytes(bytesLeft) : "";
        this.#tell();
    }

    #ended(reason) {
        this.#search = null;
        this.#end = reason || t("all of the log was searched");
        this.#tell();
    }

    #stop(why) {
        if (this.#search) {
            this.#turn++;
            this.#search.cancel();
            this.#search = null;
            this.#end = why;
            this.#tell();
        }
    }

    #tell() {
        const lines = tn(this.#count, "{n} line", "{n} lines", {
            n: formatNumber(this.#count),
        });
        let rest = this.#end;
        if (this.#search) {
            rest = this.#left ? t("{size} left to search", { size: this.#left }) : t("searching");
        }
        setText(byId("found-text"), `${lines}, ${rest}`);
        byId("found-cancel").hidden = this.#search === null;
    }

    #show(isShown) {
        byId("found-frame").hidden = !isShown;
        byId("found-bar").hidden = !isShown;
        byId("frame").hidden = isShown;
        byId("filters").hidden = isShown;
    }
}
