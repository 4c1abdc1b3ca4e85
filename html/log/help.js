// SPDX-License-Identifier: MIT
// help: the dialog that lists the keys.

import { t } from "../lang.js";
import { byId, make } from "../page.js";

export function showHelp() {
    const words = [
        ["/", t("Search")],
        ["n", t("Next line found")],
        ["N", t("Previous line found")],
        ["e", t("Next error")],
        ["E", t("Previous error")],
        ["f", t("Follow or pause")],
        ["g", t("Oldest line")],
        ["G", t("Newest line")],
        ["w", t("Wrap long lines")],
        ["t", t("Time of each line: off, UTC, local")],
        ["y", t("Copy the link to the line or the selection")],
        ["m", t("Mark the line or the selection")],
        ["?", t("This list")],
        ["Esc", t("Close, or select nothing")],
    ];
    byId("help-keys").replaceChildren(
        ...words.map(([key, text]) =>
            make("div", "", make("dt", "", make("kbd", "", key)), make("dd", "", text))
        )
    );
    byId("help").showModal();
}
