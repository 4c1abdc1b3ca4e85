// SPDX-License-Identifier: MIT
// parts: those of the log page that are hidden at first: search bar, results, selection, list of keys.

import { t } from "../lang.js";
import { byId } from "../page.js";

function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
}

function button(id, text, attributes = {}) {
    return make("button", { id, type: "button", ...attributes }, text);
}

// A sign alone says nothing to those who hear it.
function sign(id, text, title, attributes = {}) {
    return button(id, text, { title, "aria-label": title, ...attributes });
}

function toggle(id, text, title) {
    return sign(id, text, title, { "aria-pressed": "false" });
}

function grow() {
    return make("span", { class: "grow" });
}

function bar(id, name, ...children) {
    return make("div", { id, class: `bar ${name}`, hidden: "" }, ...children);
}

function makeSearch() {
    const text = make("input", {
        id: "search-text",
        type: "search",
        maxlength: "500",
        autocomplete: "off",
        autocapitalize: "off",
        spellcheck: "false",
        placeholder: t("Search"),
        "aria-label": t("Search"),
    });
    const context = make("select", {
        id: "search-context", "aria-label": t("Lines around each"), disabled: "",
    });
    context.append(...["0", "2", "5"].map((count) => new Option(`±${count}`, count)));
    const tools = make(
        "fieldset",
        { id: "search-tools", disabled: "" },
        make(
            "span",
            { class: "segments" },
            toggle("search-regex", ".*", t("Regular expression")),
            toggle("search-case", "Aa", t("Match case")),
            toggle("search-invert", "≠", t("Lines without it"))
        ),
        button("search-filter", t("Filter"), {
            title: t("Show only the lines found"), "aria-pressed": "false",
        }),
        context,
        make(
            "span",
            { class: "segments" },
            sign("search-previous", "↑", t("Previous (N)")),
            sign("search-next", "↓", t("Next (n)"))
        ),
        make("span", { id: "search-count", class: "count", role: "status" }),
        button("search-all", t("Search all of the log"), { type: "submit" })
    );
    return make(
        "form",
        { id: "search", class: "bar search", role: "search", hidden: "" },
        text,
        tools,
        sign("search-close", "✕", t("Close (Esc)"))
    );
}

function makeFoundFrame() {
    const view = make("div", {
        id: "found-view",
        class: "log-view",
        tabindex: "0",
        role: "log",
        "aria-live": "off",
        "aria-label": t("Lines found"),
    });
    view.append(make("div", { id: "found-rows", class: "rows" }));
    const rail = make("div", { id: "found-rail", class: "rail" });
    return make("div", { id: "found-frame", class: "log-frame", hidden: "" }, view, rail);
}

function makeHelp() {
    return make(
        "dialog",
        { id: "help", "aria-labelledby": "help-title" },
        make("h2", { id: "help-title" }, t("Keyboard")),
        make("dl", { id: "help-keys" }),
        make("form", { method: "dialog" }, make("button", {}, t("Close")))
    );
}

/** Puts them where they belong. */
export function addParts() {
    byId("filters").before(makeSearch());
    byId("filters").after(
        bar(
            "found-bar",
            "found",
            make("span", { id: "found-text", role: "status" }),
            grow(),
            button("found-cancel", t("Cancel")),
            button("found-show", t("Show in the log")),
            button("found-close", t("Back to the log"))
        )
    );
    byId("frame").after(
        makeFoundFrame(),
        bar(
            "picked",
            "picked",
            make("span", { id: "picked-text" }),
            grow(),
            button("picked-copy", t("Copy")),
            button("picked-link", t("Copy link"), { title: t("Copy the link (y)") }),
            button("picked-mark", t("Mark"), { title: t("Mark (m)") }),
            sign("picked-close", "✕", t("Select nothing"))
        )
    );
    document.querySelector("main").append(makeHelp());
}
