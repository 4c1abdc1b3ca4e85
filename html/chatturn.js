// SPDX-License-Identifier: MIT
// chatturn: a question with its answer: what is kept of it, how it looks, how it ended in words.

import { key, t, tn } from "./lang.js";
import { formatNumber, make, setText } from "./page.js";

/** @typedef {import("./answer.js").End} End */

/**
 * What is kept of a turn. Text and position belong together: the text is what came up to there.
 *
 * @typedef {object} TurnRecord
 * @property {string} stream
 * @property {string} form     how the answer is cut: the stream's `format` or `framing`
 * @property {string} question
 * @property {string} url      the answer's address; "" until there is one
 * @property {string} position
 * @property {string} text
 * @property {string} problem  a sentence; "" for none
 * @property {string} note     what else is to be said, such as the cost
 * @property {number} place    in the queue; 0 when it is none
 * @property {boolean} [isStopped] as was asked for, which is no failure
 * @property {boolean} isOver
 */

function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

// The text that an event adds.
function textOf(form, event) {
    if (event.name === "token") {
        return String(parse(event.data) ?? "");
    }
    if (event.name !== "message") {
        return "";
    }
    if (form === "openai") {
        const delta = Object(parse(event.data)).choices?.[0]?.delta;
        return typeof delta?.content === "string" ? delta.content : "";
    }
    return form === "chunks" ? event.data : `${event.data}\n`;
}

const refusals = {
    0: key("The connection was lost before an answer came. Whether the question arrived is not known"),
    401: key("You must log in to ask here"),
    403: key("You may not ask here"),
    404: key("This answer is not kept any more"),
    413: key("The question is too long"),
    429: key("Too many questions are being answered now"),
    503: key("The server can't answer now"),
    507: key("The server has no room to keep an answer"),
};

const reasons = {
    cancelled: key("Stopped."),
    interrupted: key("The answer was interrupted: what made it has ended."),
    deleted: key("This answer is not kept any more."),
};

function againSentence(end) {
    const n = formatNumber(end.retry_after);
    return end.retry_after > 0 ? ` ${t("Ask again in {n} s.", { n })}` : "";
}

function refusalSentence(end) {
    const status = end.refused;
    const said = status in refusals
        ? t(refusals[status])
        : t("The question was refused ({status})", { status });
    return end.error
        ? t("{sentence}: {reason}.", { sentence: said, reason: end.error })
        : t("{sentence}.", { sentence: said });
}

/**
 * How an answer ended, as a sentence; "" when all is well.
 *
 * @param {End} end
 */
function endSentence(end) {
    if (end.refused !== undefined) {
        return refusalSentence(end) + againSentence(end);
    }
    if (end.reason in reasons) {
        return t(reasons[end.reason]);
    }
    if (end.error) {
        return t("It failed: {reason}.", { reason: end.error }) + againSentence(end);
    }
    if (end.limit) {
        return t("The server ended it: it met the limit {limit}.", { limit: end.limit });
    }
    if (end.signal) {
        return t("The program that answers was ended by {signal}.", { signal: end.signal });
    }
    if (end.reason) {
        return t("It failed: {reason}.", { reason: end.reason }) + againSentence(end);
    }
    const { status } = end;
    const isGood = status === undefined || status === 0 || status === "ok";
    return isGood ? "" : t("The program that answers failed (status {status}).", { status });
}

/** One question with its answer, on the page. */
export class Turn {
    #words = document.createTextNode("");
    #text = make("p", "answer-text");
    #answer = make("div", "answer", this.#text);
    #note = make("p", "turn-note");
    #pending = "";

    /** @param {TurnRecord} record */
    constructor(record) {
        this.record = record;
        this.#answer.append(this.#note);
        this.element = make("li", "turn", make("p", "question", record.question), this.#answer);
        this.#pending = record.text;
        this.flush();
        if (record.isOver) {
            this.#showEnd();
        } else {
            this.#answer.setAttribute("aria-busy", "true");
            this.showPlace();
        }
    }

    /** Takes an event of the answer. True when there are words to show. */
    take(event) {
        const { record } = this;
        record.position = event.position;
        if (event.name === "stream.queued") {
            record.place = Number(parse(event.data)?.place) || 0;
        } else if (event.name === "stream.started") {
            record.place = 0;
        } else if (event.name === "usage") {
            const tokens = Number(parse(event.data)?.total_tokens);
            const n = formatNumber(tokens);
            record.note = tokens > 0 ? tn(tokens, "{n} token", "{n} tokens", { n }) : "";
        } else if (event.name === "chat.error") {
            this.#takeError(Object(parse(event.data)));
        }
        const failure = record.form === "openai" ? Object(parse(event.data)).error : null;
        if (failure) {
            this.#takeError({ ...failure, detail: failure.message });
        }
        const text = textOf(record.form, event);
        record.text += text;
        this.#pending += text;
        return text !== "";
    }

    #takeError(error) {
        const sentence = endSentence({ error: error.detail, retry_after: error.retry_after });
        this.record.problem = sentence || t("It failed.");
    }

    /** Shows the words that came since the last time. */
    flush() {
        if (this.#pending) {
            this.#text.append(this.#words); // there from the first word on
            this.#words.appendData(this.#pending);
            this.#pending = "";
        }
    }

    /** Says what goes on; `kind` is "", "wait", "warn" or "bad". */
    say(sentence, kind = "") {
        this.#note.dataset.kind = kind;
        this.#note.hidden = sentence === "";
        setText(this.#note, sentence);
    }

    /** Where it stands in the queue, in words. */
    get place() {
        const { place } = this.record;
        return place > 0 ? t("Place {n} in the queue", { n: formatNumber(place) }) : "";
    }

    showPlace() {
        this.say(this.place, "wait");
    }

    /** @param {End} end */
    end(end) {
        this.record.isOver = true;
        this.record.isStopped = end.reason === "cancelled";
        // A language model's error has told more than the end does.
        this.record.problem ||= endSentence(end);
        this.flush();
        this.#answer.removeAttribute("aria-busy");
        this.#showEnd();
    }

    #showEnd() {
        const { problem, note, text, isStopped } = this.record;
        const isWrong = problem !== "" && !isStopped;
        this.say(problem || note || (text ? "" : t("The answer is empty.")), isWrong ? "bad" : "");
    }

    /** For who can't see it. */
    get spoken() {
        const { problem, text } = this.record;
        return problem || text.slice(0, 500);
    }
}
