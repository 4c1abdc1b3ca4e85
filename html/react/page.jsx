// SPDX-License-Identifier: MIT
// page: the live list of a stream's messages, with its state and its gaps.

import { StrictMode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { key, t, tn, useWords } from "../lang.js";
import { formatGap, formatNumber, stateDetail, stateWord } from "../page.js";
import { isAnswering, listStreams } from "../ssecgi.js";
import { useStream } from "./useStream.js";

const startMessages = 50;
const keepMessages = 500;
const shownChars = 4096; // of one message
const endPx = 24; // this close to the end counts as the end
const listRetryMs = 2000;

function State({ state }) {
    const detail = stateDetail(state.detail);
    return (
        <span className="state" data-state={state.name} role="status" title={detail}>
            <span className="state-word">{stateWord(state.name)}</span>
            <span className="state-detail">{state.name === "live" ? "" : detail}</span>
        </span>
    );
}

function Row({ row }) {
    if (row.reason !== undefined) {
        return <div className="gap">{formatGap(row)}</div>;
    }
    const rest = row.data.length - shownChars;
    return (
        <div data-position={row.position}>
            {rest > 0 ? row.data.slice(0, shownChars) + "…" : row.data}
        </div>
    );
}

// Stays at the end while the reader is there.
function Messages({ rows }) {
    const list = useRef(null);
    const isAtEnd = useRef(true);
    const noteEnd = ({ currentTarget: it }) => {
        isAtEnd.current = it.scrollHeight - it.scrollTop - it.clientHeight < endPx;
    };
    useLayoutEffect(() => {
        if (isAtEnd.current) {
            list.current.scrollTop = list.current.scrollHeight;
        }
    }, [rows.at(-1)?.number]);
    return (
        <div ref={list} className="messages" role="log" aria-live="off" tabIndex={0}
             aria-label={t("Messages")} onScroll={noteEnd}>
            {rows.map((row) => <Row key={row.number} row={row} />)}
        </div>
    );
}

function Stream({ name, isPaused }) {
    const { messages, gaps, state, cursor, clear } = useStream(name, {
        params: { last: startMessages },
        keep: keepMessages,
        isPaused,
    });
    const rows = [...messages, ...gaps].sort((a, b) => a.number - b.number);
    const held = { name: "held", detail: t("reads on when you do"), retryAt: 0 };
    return (
        <section className="panel">
            <div className="panel-head">
                <h2>{tn(messages.length, "{n} message", "{n} messages",
                        { n: formatNumber(messages.length) })}</h2>
                <State state={isPaused ? held : state} />
                <button type="button" onClick={clear}>{t("Clear")}</button>
            </div>
            <Messages rows={rows} />
            <p className="fine resumes">
                {t("resumes at")} <code>{cursor || t("the start")}</code>
            </p>
        </section>
    );
}

// The streams that can be read, as soon as the server answers.
function useNames() {
    const [names, setNames] = useState([]);
    useEffect(() => {
        let timer = 0;
        let isGone = false;
        const ask = async () => {
            const streams = await listStreams().catch(() => null);
            if (isGone) {
                return;
            }
            if (streams === null) {
                timer = setTimeout(ask, listRetryMs);
                return;
            }
            setNames(streams
                .filter((info) => info.members === undefined && !isAnswering(info))
                .map((info) => info.name));
        };
        ask();
        return () => {
            isGone = true;
            clearTimeout(timer);
        };
    }, []);
    return names;
}

function Page() {
    const names = useNames();
    const [asked, setAsked] = useState(new URLSearchParams(location.search).get("stream"));
    const [isPaused, setPaused] = useState(false);
    const name = asked ?? names[0];
    const choose = (other) => {
        setAsked(other);
        history.replaceState(null, "", `?${new URLSearchParams({ stream: other })}`);
    };
    return (
        <>
            <h1 className="title">{t("Messages")}</h1>
            <div className="bar">
                <select aria-label={t("Stream")} value={name ?? ""}
                        onChange={(event) => choose(event.target.value)}>
                    {[...new Set([...(name ? [name] : []), ...names])]
                        .map((each) => <option key={each}>{each}</option>)}
                </select>
                <button type="button" aria-pressed={isPaused}
                        onClick={() => setPaused(!isPaused)}>{t("Pause")}</button>
            </div>
            {name && <Stream name={name} isPaused={isPaused} />}
        </>
    );
}

await useWords("react");
createRoot(document.getElementById("root")).render(<StrictMode><Page /></StrictMode>);
