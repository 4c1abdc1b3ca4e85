// SPDX-License-Identifier: MIT
// ssecgi.d.ts: the types of ssecgi.js, and what each thing means.

/**
 * - connecting: asked for, no answer yet.
 * - live: the server answered, events arrive as they happen.
 * - retrying: the connection is lost or was refused; it is made again at `retryAt`.
 * - stale: nothing came for `staleMs`, not even a heartbeat; connecting anew.
 * - busy: the server met a limit and asked to come back later, at `retryAt`.
 * - ended: the source is finished, or close() was called; nothing more comes.
 */
export type StateName = "connecting" | "live" | "retrying" | "stale" | "busy" | "ended";

export interface State {
    name: StateName;
    /** A few words on the reason; may be empty. */
    detail: string;
    /** When the next try is due, in milliseconds since 1970; 0 where there is none or the time is unknown. */
    retryAt: number;
    /** The HTTP status, where one is the reason. */
    status?: number;
    /** What the server said with `stream.end` or `stream.busy`. */
    data?: Record<string, unknown>;
}

export interface StreamEvent {
    /** "message" when the event has none. */
    name: string;
    data: string;
    /** The event's address: a stream that is opened `from` it goes on with the next event. */
    position: string;
}

/** A stretch of events that can't be delivered any more. */
export interface Gap {
    /** A word: "truncated", "rotated-away", "unknown-position", ... */
    reason: string;
    /** A sentence. */
    detail?: string;
    /** How much is missing, where known. */
    bytes?: number;
    events?: number;
    /** Of several streams, the one that it is missing from. */
    stream?: string;
    /** The stream goes on after it; "" where it goes on from now. */
    position: string;
}

/** An entry of the server's list. */
export interface StreamInfo {
    name: string;
    /** Its kind: "clock", "price", "tail", ... */
    source: string;
    url: string;
    readers: number;
    /** Of a family, "rooms/" and a star: those in use. It is no stream itself. */
    members?: number;
    /** The query parameters that it takes. */
    params: string[];
    /** "GET" where it is read, "POST" where it takes events or questions. */
    methods: string[];
    /** Of one that answers: what an event is, "lines", "chunks", ... */
    framing?: string;
    /** The same of a language model: "events" or "openai". */
    format?: string;
}

export type Params = Record<string, string | number | boolean | undefined>;

/** What a parser makes of bytes. */
export interface Item {
    /** Without a name it is no event: only `position` and `retry` count. */
    name?: string;
    data?: string;
    /** The cursor from now on. */
    position?: string;
    /** Milliseconds to wait before coming back. */
    retry?: number;
}

/** Made anew for each connection, with the cursor of that moment. A parser that throws ends the connection. */
export type MakeParser<T extends Item = Item> = (cursor: string) => (bytes: Uint8Array) => Iterable<T>;

export interface StreamOptions<T extends Item = StreamEvent> {
    /** Query parameters. `last` and `since` go with the requests before the first event only; `from` is the option. */
    params?: Params;
    /** A position to begin after. */
    from?: string;
    /**
     * The names of the events that onEvent gets; "*" for all. Without it, all but those that begin with `stream.`;
     * in mode "eventsource", which can't tell what it was not asked for, those without a name.
     * stream.gap, stream.busy and stream.end are dealt with here in any case.
     */
    names?: string[] | "*";
    /**
     * "fetch", the default, sees status codes and heartbeats, and can send headers. "eventsource" leaves reading and
     * reconnecting to the browser; where the browser gives up, fetch goes on.
     */
    mode?: "fetch" | "eventsource";
    /** Silence, heartbeats included, after which the connection is made anew. 35000 unless told (in mode "eventsource", which hides heartbeats, 0); 0 is never. */
    staleMs?: number;
    /** The stream's address, instead of a name. Resumes by `Last-Event-ID`, as any server understands it. */
    url?: string | URL;
    /** The folder of the streams, where it is not `eventsUrl`. */
    base?: string | URL;
    headers?: HeadersInit;
    /** Anything but GET is sent once. Where the answer names its address (Content-Location, Location), it is read on there. */
    method?: string;
    body?: BodyInit;
    credentials?: RequestCredentials;
    /** Instead of textParser. onEvent gets all named items, as they are, unless `names` says otherwise. */
    parse?: MakeParser<T>;
    /** When it returns a promise, nothing more is read until that is settled. */
    onEvent?: (event: T) => void | PromiseLike<unknown>;
    onGap?: (gap: Gap) => void;
    onState?: (state: State) => void;
    /** Each response, before it is looked at; waited for. May close() the stream. Must not read the body, but a clone. */
    onResponse?: (response: Response) => void | PromiseLike<unknown>;
}

/** Where the streams are unless told: events/ beside the module. */
export declare const eventsUrl: URL;

/** The streams of the server. */
export declare function listStreams(base?: string | URL): Promise<StreamInfo[]>;

/** Whether a stream answers questions (answer.js). It is not read itself: each answer is a stream. */
export declare function isAnswering(info: StreamInfo): boolean;

/** The URL of a stream, or of several on one connection. */
export declare function streamUrl(name: string | string[], params?: Params, base?: string | URL): URL;

/** What a `stream.` event says; an empty object when it can't be read. */
export declare function parseObject(text: string): Record<string, any>;

/** The parser of the text format (WHATWG HTML, 9.2.6). */
export declare function textParser(cursor?: string): (bytes: Uint8Array) => Item[];

/** One stream, followed until it ends or is closed. */
export declare class Stream<T extends Item = StreamEvent> {
    /**
     * @param name the stream's name in the server's configuration; with several, the data of each event is JSON that
     *     names its stream. Not looked at when there is a `url`.
     */
    constructor(name: string | string[], options?: StreamOptions<T>);
    /** The position of the last event, "" before the first. */
    get cursor(): string;
    get state(): State;
    /** Where it is read, without the position. After a POST, the address of what it began. */
    get url(): string;
    /** Opens the stream, or opens it again after close(), where it stopped. */
    open(): void;
    /** Closes the stream. Its position is kept. */
    close(): void;
}
