// SPDX-License-Identifier: MIT
// trusted: the only place that makes addresses of scripts for workers; it knows each of them.

const scripts = {
    hub: new URL("log/hub.js", import.meta.url).href,
    finder: new URL("log/findworker.js", import.meta.url).href,
    marker: new URL("log/markworker.js", import.meta.url).href,
};

const policy = globalThis.trustedTypes?.createPolicy("ssecgi", {
    createScriptURL(url) {
        if (!Object.values(scripts).includes(url)) {
            throw new TypeError("not a worker of these pages");
        }
        return url;
    },
});

/** @param {"hub" | "finder" | "marker"} name */
export function workerUrl(name) {
    return policy ? policy.createScriptURL(scripts[name]) : scripts[name];
}
