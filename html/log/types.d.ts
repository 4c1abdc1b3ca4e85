// SPDX-License-Identifier: MIT
// types: what the log page's modules hand to each other. No page loads it.

import { Gap, State } from "../ssecgi.js";
import { Store } from "./store.js";

/** Lines in order, in a few arrays (lines.js). */
export interface Batch {
    count: number;
    /** of all lines, each with a "\n" at its end that is not part of it */
    text: Uint8Array;
    /** where each ends in it, behind the "\n" */
    ends: Uint32Array;
    /** the positions, one behind the other */
    ids: Uint8Array;
    idEnds: Uint32Array;
    /** level and kind */
    flags: Uint8Array;
    /** the events' names that occur */
    names: string[];
    /** each line's place in names */
    nameOf: Uint16Array;
    /** pairs: from this line on, when they came; 0 for history */
    arrivals: number[];
    /** the position before the first line, "" where unknown */
    before: string;
    /** the position after the last one */
    position: string;
}

/** What a LogView is made of (view.js), and whom it tells. */
export interface ViewParts {
    /** what scrolls */
    viewport: HTMLElement;
    /** what holds the rows; has an id */
    list: HTMLElement;
    /** the scrollbar */
    rail: HTMLElement;
    store: Store;
    /** following began or ended, or other rows are seen */
    onChange?(): void;
    /** the reader is near the oldest line there is */
    onOlder?(): void;
    onNewer?(): void;
    /** the newest are wanted, which the store has let go of */
    onNewest?(): void;
    onSelect?(from: number, to: number): void;
    onLoadGap?(number: number): void;
    canLoad?(number: number): boolean;
}

export interface Start {
    from?: string;
    last?: number;
}

/** A connection's settings (source.js). */
export interface SourceOptions {
    params: Record<string, string | number>;
    start: Start;
    /** perhaps without lines, to tell a position */
    onBatch(batch: Batch): void;
    onState(state: State): void;
    /** while it says no, nothing more is read, until readOn() */
    canTake?(): boolean;
    /** stream.* ones, but gaps */
    onEvent?(event: { name: string; data: string; position: string }): void;
    onResponse?(response: Response): void;
}

/** A feed's settings (feed.js). */
export interface FeedOptions {
    /** may return a promise, to slow the stream down */
    onBatch(batch: Batch): unknown;
    onState?(state: State): void;
    params?: Record<string, string | number>;
    /** where the streams are, if not beside the pages */
    base?: string | URL;
    /** false: no SharedWorker */
    isShared?: boolean;
    /** in which the hub has to answer */
    aliveMs?: number;
}
