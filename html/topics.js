// SPDX-License-Identifier: MIT
// topics: the topics page. Several members of a family over one connection, and a form to publish.

import { Stream, listStreams, streamUrl } from "./ssecgi.js";
import { StateBadge, byId, followPage, formatGap, formatNumber, make, setText } from "./page.js";

const historyEvents = 50; // of each room
const keepMessages = 500;
const roomsMax = 16; // as the server takes on one connection
const listRetryMs = 2000;

const badge = new StateBadge(byId("state"));

/** @type {Map<string, {element: HTMLElement, readers: HTMLElement}>} */
const rooms = new Map();
/** @type {Stream | null} */
let stream = null;
let family = ""; // what the names of all rooms begin with: "rooms/"

// The page is one connection, whatever rooms it shows: the one that is open changes with them.
const following = {
    open: () => stream?.open(),
    close: () => stream?.close(),
};

function shortName(name) {
    return name.startsWith(family) ? name.slice(family.length) : name;
}

/* --- messages ---------------------------------------------------------------------------- */

function show(room, text, kind = "") {
    const list = byId("messages");
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(
        make(
            "li",
            `message ${kind}`,
            make("span", "message-room", room),
            make("span", "message-text", text)
        )
    );
    while (list.childElementCount > keepMessages) {
        list.firstElementChild.remove();
    }
    if (isAtEnd) {
        list.scrollTop = list.scrollHeight;
    }
    byId("empty").hidden = true;
}

// What an event of several streams says: {"stream", "data"} or {"stream", "readers"}.
function parse(event) {
    try {
        return Object(JSON.parse(event.data));
    } catch {
        return {};
    }
}

function takeEvent(event) {
    const value = parse(event);
    if (typeof value.stream !== "string") {
        return;
    }
    if (event.name === "stream.presence") {
        showReaders(value.stream, value.readers);
    } else {
        show(shortName(value.stream), String(value.data));
    }
}

function takeGap(gap) {
    show(gap.stream ? shortName(gap.stream) : "", formatGap(gap), "gap");
}

/* --- rooms ------------------------------------------------------------------------------- */

function showReaders(name, count) {
    const room = rooms.get(name);
    if (room && Number.isFinite(count)) {
        setText(room.readers, `${formatNumber(count)} ${count === 1 ? "reader" : "readers"}`);
    }
}

function addRoom(name) {
    if (rooms.has(name) || rooms.size >= roomsMax) {
        return false;
    }
    const readers = make("span", "room-readers", "");
    const leave = make("button", "", "×");
    leave.type = "button";
    leave.setAttribute("aria-label", `Stop reading ${shortName(name)}`);
    leave.addEventListener("click", () => removeRoom(name));
    const element = make("li", "room", make("span", "room-name", shortName(name)), readers, leave);
    rooms.set(name, { element, readers });
    byId("rooms").append(element);
    const option = make("option", "", shortName(name));
    option.value = name;
    byId("publish-room").append(option);
    return true;
}

function removeRoom(name) {
    if (rooms.size === 1) {
        return; // the last one stays
    }
    rooms.get(name)?.element.remove();
    rooms.delete(name);
    for (const option of byId("publish-room").options) {
        if (option.value === name) {
            option.remove();
            break;
        }
    }
    openStream();
}

// Reads on from where the rooms that stay were left; one that is new begins with what comes.
function openStream() {
    const from = stream?.cursor ?? "";
    stream?.close();
    stream = new Stream([...rooms.keys()], {
        params: from ? { from } : { last: historyEvents },
        names: ["message", "stream.presence"],
        onEvent: takeEvent,
        onGap: takeGap,
        onState: (state) => badge.show(state),
    });
    stream.open();
    const search = new URLSearchParams([...rooms.keys()].map((name) => ["room", shortName(name)]));
    history.replaceState(null, "", `?${search}`);
}

byId("join").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("join-name");
    if (addRoom(family + name.value)) {
        byId("publish-room").value = family + name.value;
        openStream();
    }
    name.value = "";
});

/* --- publishing -------------------------------------------------------------------------- */

async function publish(name, text) {
    try {
        const response = await fetch(streamUrl(name), {
            method: "POST",
            headers: { "Content-Type": "text/plain; charset=utf-8" },
            body: text,
        });
        const answer = Object(await response.json());
        return response.ok ? "" : `Refused (${response.status}): ${answer.error ?? "no reason"}`;
    } catch {
        return "Not published: no answer";
    }
}

byId("publish").addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = byId("publish-text");
    const text = input.value;
    const problem = await publish(byId("publish-room").value, text);
    setText(byId("answer"), problem);
    if (!problem && input.value === text) {
        input.value = ""; // the message itself comes by the stream
    }
});

/* --- begin ------------------------------------------------------------------------------- */

// The first family of this server, as "rooms/". Waits for the server as long as it takes.
async function findFamily() {
    for (;;) {
        let detail = "this server has no family of streams";
        try {
            const streams = await listStreams();
            const name = streams.find((info) => info.name.endsWith("/*"))?.name;
            if (name) {
                return name.slice(0, -1);
            }
        } catch (error) {
            detail = error instanceof Error ? error.message : "no answer";
        }
        badge.show({ name: "retrying", detail, retryAt: Date.now() + listRetryMs });
        await new Promise((resolve) => setTimeout(resolve, listRetryMs));
    }
}

family = await findFamily();
const asked = new URLSearchParams(location.search).getAll("room");
for (const room of asked.length > 0 ? asked : ["lobby", "help"]) {
    addRoom(family + room);
}
openStream();
followPage(following);
