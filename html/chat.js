// SPDX-License-Identifier: MIT
// chat: the chat page. Asks, shows the words as they come, and finds its way back after a reload.

import { Answer } from "./answer.js";
import { Turn } from "./chatturn.js";
import { t, useWords } from "./lang.js";
import { isAnswering, listStreams } from "./ssecgi.js";
import { byId, formatGap, make, setText, stateDetail } from "./page.js";

// First of all: a page that is left before it has begun must not save that there is nothing.
await useWords("chat");

const storageKey = "ssecgi.chat";
const keepTurns = 50;
const contextTurns = 10; // that a language model is told again
const saveMs = 1000;
const listRetryMs = 2000;
const nearEndPixels = 60;

/** @type {Turn[]} */
let turns = [];
/** @type {import("./ssecgi.js").StreamInfo[]} */
let streams = [];
/** @type {{turn: Turn, answer: Answer} | null} */
let running = null;
let frame = 0;

/* --- what is kept ------------------------------------------------------------------------ */

// For this tab, and for as long as it lives. What does not fit is left out from the oldest on.
function save() {
    for (let first = 0; first <= turns.length; first++) {
        try {
            const records = turns.slice(first).map((turn) => turn.record);
            sessionStorage.setItem(storageKey, JSON.stringify(records));
            return;
        } catch {
            // Full, or switched off.
        }
    }
}

function kept() {
    try {
        const records = JSON.parse(sessionStorage.getItem(storageKey) ?? "[]");
        return records.filter((record) => typeof record?.question === "string");
    } catch {
        return [];
    }
}

/* --- the conversation -------------------------------------------------------------------- */

function isNearEnd() {
    const view = byId("view");
    return view.scrollHeight - view.scrollTop - view.clientHeight < nearEndPixels;
}

// Who reads further up stays there.
function keepEnd(change) {
    const wasNearEnd = isNearEnd();
    change();
    if (wasNearEnd) {
        byId("view").scrollTop = byId("view").scrollHeight;
    }
}

function addTurn(record) {
    const turn = new Turn(record);
    turns.push(turn);
    byId("turns").append(turn.element);
    while (turns.length > keepTurns) {
        turns.shift().element.remove();
    }
    byId("empty").hidden = true;
    byId("view").scrollTop = byId("view").scrollHeight;
    return turn;
}

// Once in a frame, however many words have come.
function showWords() {
    frame ||= requestAnimationFrame(() => {
        frame = 0;
        keepEnd(() => running?.turn.flush());
    });
}

function showControls() {
    byId("stop").hidden = running === null;
    byId("send").hidden = running !== null;
    byId("ten").hidden = !streams.some((info) => info.name === "ten");
    byId("ten").disabled = running !== null;
    byId("clear").hidden = turns.length === 0;
    byId("clear").disabled = running !== null;
}

function say(turn, sentence, kind) {
    keepEnd(() => turn.say(sentence, kind));
}

/* --- one answer -------------------------------------------------------------------------- */

function follow(turn) {
    const answer = new Answer({
        onStarted: (url) => {
            turn.record.url = url;
            save();
        },
        onEvent: (event) => {
            if (turn.take(event)) {
                showWords();
            }
            if (event.name === "stream.queued") {
                keepEnd(() => turn.showPlace());
                setText(byId("said"), turn.place);
            } else if (event.name === "stream.started") {
                turn.showPlace();
            }
        },
        onGap: (gap) => {
            turn.record.position = gap.position;
            turn.record.note = formatGap(gap);
        },
        onState: (state) => showState(turn, state),
        onEnd: (end) => finish(turn, end),
    });
    running = { turn, answer };
    showControls();
    return answer;
}

function showState(turn, state) {
    if (state.name === "retrying") {
        const reason = stateDetail(state.detail);
        const sentence = t("Reading on as soon as that can be: {reason}", { reason });
        say(turn, sentence, "warn");
        setText(byId("said"), sentence);
    } else if (state.name === "busy") {
        say(turn, t("The server has too many readers: it is asked again later"), "warn");
    } else if (state.name === "live") {
        keepEnd(() => turn.showPlace());
    }
}

function finish(turn, end) {
    running = null;
    keepEnd(() => turn.end(end));
    setText(byId("said"), turn.spoken);
    showControls();
    save();
}

// What a language model is told: this question, and what was said before.
function chatBody(name, question) {
    const before = turns.filter((turn) => turn.record.stream === name && turn.record.text);
    const messages = before.slice(-contextTurns).flatMap(({ record }) => [
        { role: "user", content: record.question },
        { role: "assistant", content: record.text },
    ]);
    messages.push({ role: "user", content: question });
    return JSON.stringify({ messages, stream: true });
}

function ask(info, question, shown = question) {
    const isChat = info.source === "chat";
    const body = isChat ? chatBody(info.name, question) : question;
    const form = info.format ?? info.framing ?? "lines";
    const turn = addTurn({
        stream: info.name,
        form,
        question: shown,
        url: "",
        position: "",
        text: "",
        problem: "",
        note: "",
        place: 0,
        isOver: false,
    });
    const answer = follow(turn);
    setText(byId("said"), "");
    save();
    answer.ask(info.name, body, {
        ...(isChat ? { type: "application/json" } : {}),
        isPlain: form === "openai",
    });
}

async function stop() {
    const stopping = running;
    try {
        await stopping?.answer.stop();
    } catch (error) {
        if (running === stopping) {
            const reason = error.message || t("no answer");
            say(stopping.turn, t("It could not be stopped: {reason}", { reason }), "warn");
        }
    }
}

/* --- the form ---------------------------------------------------------------------------- */

function send() {
    const box = byId("question");
    const info = streams.find((each) => each.name === byId("stream").value);
    if (running || !info || box.value.trim() === "") {
        return;
    }
    ask(info, box.value);
    box.value = "";
    box.focus(); // the button is gone
}

byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
});

byId("question").addEventListener("keydown", (event) => {
    // While a word is being composed, Enter only chooses it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
    }
});

addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) {
        stop();
    }
});

byId("stop").addEventListener("click", () => {
    stop();
    byId("question").focus();
});

byId("ten").addEventListener("click", () => {
    const ten = streams.find((info) => info.name === "ten");
    if (ten && !running) {
        ask(ten, "", t("Ten messages"));
    }
});

byId("clear").addEventListener("click", () => {
    turns.forEach((turn) => turn.element.remove());
    turns = [];
    byId("empty").hidden = false;
    save();
    showControls();
    byId("question").focus();
});

/* --- begin ------------------------------------------------------------------------------- */

// Those that this server has. Waits for it as long as it takes.
async function findStreams() {
    for (;;) {
        let detail = t("this server has no stream that answers");
        try {
            const found = (await listStreams()).filter(
                (info) => isAnswering(info) && info.methods.includes("POST")
            );
            if (found.length > 0) {
                setText(byId("notice"), "");
                return found;
            }
        } catch (error) {
            detail = error instanceof Error ? error.message : t("no answer");
        }
        setText(byId("notice"), t("Can't ask yet: {reason}", { reason: detail }));
        await new Promise((resolve) => setTimeout(resolve, listRetryMs));
    }
}

function fillStreams() {
    const asked = new URLSearchParams(location.search).get("stream");
    for (const { name } of streams) {
        const option = make("option", "", name);
        option.value = name;
        option.selected = name === asked;
        byId("stream").append(option);
    }
    byId("stream").hidden = streams.length < 2;
}

function readOn(turn) {
    if (turn.record.url) {
        follow(turn).resume(turn.record.url, turn.record.position);
    } else {
        finish(turn, { refused: 0 });
    }
}

addEventListener("pagehide", () => {
    save();
    running?.answer.close();
});
addEventListener("pageshow", (event) => {
    if (event.persisted && running) {
        readOn(running.turn);
    }
});
setInterval(() => running && save(), saveMs);

for (const record of kept()) {
    addTurn(record);
}
turns.filter((turn) => !turn.record.isOver).forEach(readOn);
showControls();
byId("question").focus();
streams = await findStreams();
fillStreams();
showControls();
