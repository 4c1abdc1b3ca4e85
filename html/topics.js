// SPDX-License-Identifier: MIT
// topics: the topics page. Several members of a family over one connection, and a form to publish.

import { Stream, listStreams, parseObject, streamUrl } from "./ssecgi.js";
import { key, t, tn, useWords } from "./lang.js";
import { StateBadge, byId, followPage, formatGap, formatNumber, make, setText } from "./page.js";

const historyEvents = 50; // of each room
const keepMessages = 500;
const roomsMax = 16; // as the server takes on one connection
const listRetryMs = 2000;
const nearEndPixels = 40;
const settleMs = 1000; // what comes sooner is history, and not read out

/** @type {Map<string, {element: HTMLElement, online: HTMLElement}>} */
const rooms = new Map();
/** @type {Stream | null} */
let stream = null;
let badge = null;
let family = ""; // what the names of all rooms begin with: "rooms/"

function shortName(name) {
    return name.startsWith(family) ? name.slice(family.length) : name;
}

/* --- messages ---------------------------------------------------------------------------- */

/** @type {{room: string, text: string, kind: string}[]} */
let waiting = []; // until the next frame
let frame = 0;

function isNearEnd() {
    const view = byId("view");
    return view.scrollHeight - view.scrollTop - view.clientHeight < nearEndPixels;
}

function flush() {
    frame = 0;
    const wasNearEnd = isNearEnd();
    const list = byId("messages");
    const rows = waiting.map(({ room, text, kind }) =>
        make(
            "li",
            `message ${kind}`,
            make("span", "message-room", room),
            make("span", "message-text", text)
        )
    );
    waiting = [];
    list.append(...rows);
    while (list.childElementCount > keepMessages) {
        list.firstElementChild.remove();
    }
    byId("empty").hidden = list.childElementCount > 0;
    if (wasNearEnd) {
        byId("view").scrollTop = byId("view").scrollHeight;
    }
}

function show(room, text, kind = "") {
    waiting.push({ room, text, kind });
    if (waiting.length > keepMessages) {
        waiting.shift(); // the page is hidden: there are no frames
    }
    frame ||= requestAnimationFrame(flush);
}

function clear() {
    waiting = [];
    byId("messages").replaceChildren();
    byId("empty").hidden = false;
}

// What an event of several streams says: {"stream", "event", "data"} or {"stream", "readers"}.
function takeEvent(event) {
    const value = parseObject(event.data);
    if (typeof value.stream !== "string") {
        return;
    }
    const room = shortName(value.stream);
    if (event.name === "stream.presence") {
        showOnline(value.stream, value.readers);
    } else if (event.name === "stream.member_end") {
        show(room, t("This room has ended."), "gap");
    } else if (!event.name.startsWith("stream.")) {
        show(value.event ? `${room} · ${value.event}` : room, String(value.data));
    }
}

function takeGap(gap) {
    show(gap.stream ? shortName(gap.stream) : "", formatGap(gap), "gap");
}

/* --- rooms ------------------------------------------------------------------------------- */

function showOnline(name, count) {
    const room = rooms.get(name);
    if (room && Number.isFinite(count)) {
        setText(room.online, tn(count, "{n} online", "{n} online", { n: formatNumber(count) }));
    }
}

function addRoom(name) {
    if (rooms.has(name) || rooms.size >= roomsMax) {
        return false;
    }
    const online = make("span", "room-online", "");
    online.title = t("Connections that read this room now");
    const leave = make("button", "", "×");
    leave.type = "button";
    leave.setAttribute("aria-label", t("Stop reading {room}", { room: shortName(name) }));
    leave.addEventListener("click", () => removeRoom(name));
    const element = make("li", "room", make("span", "room-name", shortName(name)), online, leave);
    rooms.set(name, { element, online });
    byId("rooms").append(element);
    const option = make("option", "", shortName(name));
    option.value = name;
    byId("publish-room").append(option);
    showNotice();
    return true;
}

function removeRoom(name) {
    if (rooms.size === 1) {
        setText(byId("notice"), t("The last room stays."));
        return;
    }
    rooms.get(name)?.element.remove();
    rooms.delete(name);
    [...byId("publish-room").options].find((option) => option.value === name)?.remove();
    showNotice();
    openStream({ from: stream?.cursor });
    byId("join-name").focus(); // the button is gone
}

function showNotice() {
    const isFull = rooms.size >= roomsMax;
    byId("join-name").disabled = isFull;
    setText(byId("notice"), isFull ? t("No more than {n} rooms at once.", { n: roomsMax }) : "");
}

// A room that joins brings its history: all are read anew, at least as far back as is shown now.
function reopen() {
    const shown = byId("messages").childElementCount;
    clear();
    openStream({ last: Math.min(keepMessages, Math.max(historyEvents, shown)) });
}

// From a position, the rooms that stay are read on where they were left.
function openStream({ from, last = historyEvents }) {
    stream?.close();
    byId("view").setAttribute("aria-live", "off");
    stream = new Stream([...rooms.keys()], {
        params: from ? { from } : { last },
        names: "*",
        onEvent: takeEvent,
        onGap: takeGap,
        onState: showState,
    });
    stream.open();
    remember();
}

function showState(state) {
    badge.show(state);
    if (state.name === "live") {
        setTimeout(() => byId("view").setAttribute("aria-live", "polite"), settleMs);
    }
}

// The address leads here again.
function remember() {
    const search = new URLSearchParams(location.search);
    search.delete("room");
    rooms.forEach((_, name) => search.append("room", shortName(name)));
    history.replaceState(null, "", `?${search}`);
}

byId("join").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = byId("join-name");
    const name = family + input.value;
    if (addRoom(name)) {
        reopen();
    }
    byId("publish-room").value = name;
    input.value = "";
});

/* --- publishing -------------------------------------------------------------------------- */

const refusals = {
    401: key("You must log in to publish here"),
    403: key("You may not publish here"),
    404: key("There is no such room"),
    405: key("This room takes no messages"),
    413: key("The message is too long"),
    429: key("Too many messages"),
    503: key("The server can't take it now"),
    507: key("The server has no room for it"),
};

// What was sent and not answered. Sent again it has the same key, and is published once.
let unanswered = null;

function keyOf(name, text) {
    if (unanswered?.name !== name || unanswered?.text !== text) {
        const bytes = crypto.getRandomValues(new Uint8Array(16));
        unanswered = { name, text, id: Array.from(bytes, (byte) => byte.toString(16)).join("-") };
    }
    return unanswered.id;
}

/** Answers what went wrong, as a sentence; "" for nothing. */
async function publish(name, text) {
    let response;
    try {
        response = await fetch(streamUrl(name), {
            method: "POST",
            headers: {
                "Content-Type": "text/plain; charset=utf-8",
                "Idempotency-Key": keyOf(name, text),
            },
            body: text,
        });
    } catch {
        return t("No answer: whether it was published is not known. To send it again is safe.");
    }
    unanswered = null;
    if (response.ok) {
        return "";
    }
    const { status } = response;
    const { error } = Object(await response.json().catch(() => null));
    const said = status in refusals ? t(refusals[status]) : t("Refused ({status})", { status });
    return error ? `${said}: ${error}` : said;
}

byId("publish").addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = byId("publish-text");
    const text = input.value;
    const room = byId("publish-room").value;
    if (!room) {
        return; // none is read yet
    }
    const problem = await publish(room, text);
    setText(byId("answer"), problem);
    if (!problem && input.value === text) {
        input.value = ""; // the message itself comes by the stream
    }
});

/* --- begin ------------------------------------------------------------------------------- */

// The families of this server, named "rooms/*". Waits for the server as long as it takes.
async function findFamilies() {
    for (;;) {
        let detail = t("this server has no family of streams");
        try {
            const found = (await listStreams()).filter((info) => info.members !== undefined);
            if (found.length > 0) {
                return found;
            }
        } catch (error) {
            detail = error instanceof Error ? error.message : t("no answer");
        }
        badge.show({ name: "retrying", detail, retryAt: Date.now() + listRetryMs });
        await new Promise((resolve) => setTimeout(resolve, listRetryMs));
    }
}

// Which one the address names, else the first. Another one is another page.
function chooseFamily(families) {
    const asked = new URLSearchParams(location.search).get("family");
    const chosen = families.find((info) => info.name === asked) ?? families[0];
    const select = byId("family");
    for (const { name } of families) {
        const option = make("option", "", name);
        option.selected = name === chosen.name;
        select.append(option);
    }
    select.hidden = families.length < 2;
    select.addEventListener("change", () => {
        location.search = `?${new URLSearchParams({ family: select.value })}`;
    });
    return chosen;
}

await useWords("topics");
badge = new StateBadge(byId("state"));
const info = chooseFamily(await findFamilies());
family = info.name.slice(0, -1);
if (!info.methods.includes("POST")) {
    byId("publish").hidden = true;
    setText(byId("answer"), t("Nobody publishes here from a page."));
}
const asked = new URLSearchParams(location.search).getAll("room");
for (const room of asked.length > 0 ? asked : ["lobby", "help"]) {
    addRoom(family + room);
}
openStream({});
// The page is one connection, whatever rooms it shows: the one that is open changes with them.
followPage({ open: () => stream?.open(), close: () => stream?.close() });
