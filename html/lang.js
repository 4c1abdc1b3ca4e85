// SPDX-License-Identifier: MIT
// lang: the pages' languages. English stands in the source and is the key; others are catalogues.

/** Each by its own name. */
export const languages = { en: "English", "zh-CN": "中文" };

const storageKey = "ssecgi.lang";

let words = Object.create(null);
let current = "en";

/** The language that was chosen here, else the first of the browser's that there is. */
export function chosenLanguage() {
    let names = [];
    try {
        names = [localStorage.getItem(storageKey)];
    } catch {
        // Switched off.
    }
    for (const name of [...names, ...(navigator.languages ?? [])]) {
        const known = /^zh\b/i.test(name) ? "zh-CN" : /^en\b/i.test(name) ? "en" : null;
        if (known) {
            return known;
        }
    }
    return "en";
}

/** The language in use. */
export function language() {
    return current;
}

/** Chooses another language for all pages, from the next load on. */
export function chooseLanguage(name) {
    localStorage.setItem(storageKey, name);
    location.reload();
}

/** Marks a text that t() is given elsewhere: a catalogue must have it. */
export function key(text) {
    return text;
}

/** The text in the reader's language, its {places} filled. */
export function t(text, values = {}) {
    return String(words[text] ?? text).replace(/\{(\w+)\}/g, (place, name) =>
        String(values[name] ?? place)
    );
}

/** The same for a number of things; `{n}` is the number unless `values` has another text for it. */
export function tn(count, one, many, values = {}) {
    return t(count === 1 && current === "en" ? one : many, { n: count, ...values });
}

function fillMarkup() {
    const clean = (text) => text.trim().replace(/\s+/g, " ");
    for (const element of document.querySelectorAll("[data-t]")) {
        element.textContent = t(clean(element.textContent));
    }
    for (const [data, name] of [
        ["title", "title"],
        ["label", "aria-label"],
        ["placeholder", "placeholder"],
    ]) {
        for (const element of document.querySelectorAll(`[data-t-${data}]`)) {
            element.setAttribute(name, t(clean(element.getAttribute(name))));
        }
    }
}

/** Loads the catalogues of a page, and fills its markup. */
export async function useWords(page) {
    current = chosenLanguage();
    if (current !== "en") {
        // One that is not there leaves English words, and a working page.
        const load = (name) =>
            import(`./lang/${current}/${name}.js`).then((it) => it.default, () => ({}));
        words = Object.assign(Object.create(null), ...(await Promise.all([load("common"), load(page)])));
    }
    document.documentElement.lang = current;
    fillMarkup();
}
