// SPDX-License-Identifier: MIT
// useStream.d.ts: the types of useStream.js.

import type { Gap, State, StreamEvent, StreamOptions } from "../ssecgi.js";

/** What is sent once has no place here: a component may be mounted twice. See answer.js for questions. */
export interface UseStreamOptions extends Omit<StreamOptions, "method" | "body"> {
    /** How many messages, and how many gaps, are kept: the newest. 1000 unless told. */
    keep?: number;
    /** Closes the stream, keeping its place and what is shown; later it goes on from there. */
    isPaused?: boolean;
}

/** Counted from 0 over messages and gaps alike: their common order, and a key for a list. */
export interface Numbered {
    number: number;
}

export interface UsedStream {
    /** The newest messages, oldest first; another array whenever one came. */
    messages: (StreamEvent & Numbered)[];
    /** What could not be delivered. */
    gaps: (Gap & Numbered)[];
    state: State;
    /** The position of the last event, "" before the first. */
    cursor: string;
    /** Forgets the messages and gaps so far; the stream goes on. */
    clear: () => void;
}

/**
 * Follows a stream while the component is mounted.
 *
 * Another name or other options open another stream and begin with nothing; another `keep`, `isPaused`
 * or function does not. Options are compared as JSON: `headers` is a plain object, not a Headers.
 *
 * @param name of the stream, or of several for one connection
 */
export function useStream(name: string | string[], options?: UseStreamOptions): UsedStream;
