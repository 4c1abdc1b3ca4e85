// SPDX-License-Identifier: MIT
// late: modules that are loaded when they are used for the first time.

/** The same promise each time; what failed is tried again at the next call. */
export function late(load, onError = () => {}) {
    let promise = null;
    return () => {
        promise ??= load().catch((error) => {
            promise = null;
            onError(error);
            throw error;
        });
        return promise;
    };
}

/** Adds a style sheet beside the modules' folder. */
export function addStyles(name) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`../${name}`, import.meta.url).href;
    document.head.append(link);
}
