// SPDX-License-Identifier: MIT
// useStream: follows a stream from a React component, rendering at most once a frame.
//
//     const { messages, gaps, state, cursor, clear } = useStream("access", { params: { last: 20 } });
//
// The stream is that of ../ssecgi.js; what it resumes and tells, this does. Events that come between
// two frames are shown by one render, and none while the page is hidden: they wait, `keep` of them.

import { useCallback, useEffect, useRef, useState } from "react";
import { Stream } from "../ssecgi.js";

const keepDefault = 1000;

const nothing = Object.freeze({
    messages: Object.freeze([]),
    gaps: Object.freeze([]),
    state: Object.freeze({ name: "connecting", detail: "", retryAt: 0 }),
    cursor: "",
});

// The part of the options that is ours.
function split({ keep = keepDefault, isPaused = false, ...how }) {
    return { keep, isPaused, how };
}

// One stream and what of it is kept, from its opening until it is closed for good.
class Reader {
    #stream;
    #latest;
    #show;
    #messages = [];
    #gaps = [];
    #number = 0;
    #frame = 0;

    // `latest.current` are the options of the last render: functions may be new with each.
    constructor(name, latest, show) {
        this.#latest = latest;
        this.#show = show;
        this.#stream = new Stream(name, {
            ...split(latest.current).how,
            onEvent: (event) => this.#take(this.#messages, event, "onEvent"),
            onGap: (gap) => this.#take(this.#gaps, gap, "onGap"),
            onState: (state) => {
                this.#showLater();
                latest.current.onState?.(state);
            },
        });
    }

    open() {
        this.#stream.open();
    }

    pause() {
        this.#stream.close();
    }

    close() {
        this.#stream.close();
        cancelAnimationFrame(this.#frame); // closing tells a state, too
    }

    clear() {
        this.#messages = [];
        this.#gaps = [];
        this.#showLater();
    }

    #take(list, item, listener) {
        const { keep } = split(this.#latest.current);
        list.push({ ...item, number: this.#number });
        this.#number++;
        if (list.length > 2 * keep) {
            list.splice(0, list.length - keep);
        }
        this.#showLater();
        return this.#latest.current[listener]?.(item); // a promise holds up the stream
    }

    #showLater() {
        this.#frame ||= requestAnimationFrame(() => {
            const { keep } = split(this.#latest.current);
            const newest = (list) => list.slice(Math.max(0, list.length - keep));
            this.#frame = 0;
            this.#show({
                messages: newest(this.#messages),
                gaps: newest(this.#gaps),
                state: this.#stream.state,
                cursor: this.#stream.cursor,
            });
        });
    }
}

/** Described in useStream.d.ts. */
export function useStream(name, options = {}) {
    const { isPaused, how } = split(options);
    // What makes it another stream: all but functions, which JSON leaves out.
    const key = JSON.stringify([name, how]);
    const [shown, setShown] = useState({ key, ...nothing });
    const latest = useRef(options);
    const reader = useRef(null);

    useEffect(() => {
        latest.current = options;
    });

    useEffect(() => {
        const ours = new Reader(name, latest, (what) => setShown({ key, ...what }));
        reader.current = ours;
        return () => {
            reader.current = null;
            ours.close();
        };
    }, [key]);

    useEffect(() => {
        if (isPaused) {
            reader.current.pause();
        } else {
            reader.current.open();
        }
    }, [key, isPaused]);

    const clear = useCallback(() => reader.current?.clear(), []);
    // Until the first frame of another stream, nothing of the one before is shown as its own.
    const { messages, gaps, state, cursor } = shown.key === key ? shown : nothing;
    return { messages, gaps, state, cursor, clear };
}
