// SPDX-License-Identifier: MIT
// topics: the tests of the topics page.

/** @param {object} tools those of helpers.mjs */
export function topicsTests(tools) {
    const { assertThat, control, fitsNarrow, mark, pageUrl, stateIs, textOf, until } = tools;

    // A page that has read what there is: it is told how many read each room then.
    async function openTopics(page, ...names) {
        const query = names.map((name) => `room=${name}`).join("&");
        await page.goto(`${pageUrl("topics.html")}?${query}`);
        await stateIs(page, "Live");
    }

    const messages = (page) => page.locator(".message-text").allTextContents();
    const room = (page, name) => page.locator(".room", { hasText: name });

    function has(page, text) {
        return until(`the message ${text}`, async () => (await messages(page)).includes(text));
    }

    async function publish(page, text) {
        await page.locator("#publish-text").fill(text);
        await page.locator("#publish-text").press("Enter");
    }

    async function join(page, name) {
        await page.locator("#join-name").fill(name);
        await page.locator("#join button").click();
    }

    return {
        async topics_shows_what_is_published_and_who_reads(page) {
            await openTopics(page, "lobby", "help");
            const other = await page.context().newPage();
            await openTopics(other, "lobby");
            const lobby = room(page, "lobby");
            await until("two readers", async () => (await lobby.textContent()).includes("2 online"));
            const line = `${mark()} <b>not bold</b>`;
            await other.locator("#publish-text").fill(line);
            await other.locator("#publish button").click();
            await has(page, line);
            await has(other, line);
            assertThat((await other.locator("#publish-text").inputValue()) === "", "it was taken");
            await page.locator("#publish-room").selectOption("rooms/help");
            const question = mark();
            await publish(page, question);
            await has(page, question);
            assertThat(!(await messages(other)).includes(question), "the other does not read that");
            assertThat((await page.locator("#messages b").count()) === 0, "text stays text");
            await other.close();
            await until("one reader", async () => (await lobby.textContent()).includes("1 online"));
        },

        async topics_brings_the_history_of_a_room_that_joins_and_keeps_the_rooms(page) {
            await openTopics(page, "tea", "coffee");
            const [early, late] = [mark(), mark()];
            await publish(page, early);
            await has(page, early);
            await openTopics(page, "coffee");
            await publish(page, late);
            await has(page, late);
            assertThat(!(await messages(page)).includes(early), "that room is not read");

            await join(page, "tea");
            await has(page, early);
            await has(page, late);
            await stateIs(page, "Live");
            await page.reload();
            await has(page, early);
            await until("both rooms", async () => (await page.locator(".room").count()) === 2);
            await room(page, "tea").locator("button").click();
            await until("one room", async () => (await page.locator(".room").count()) === 1);
            const all = await messages(page);
            assertThat(all.filter((text) => text === late).length === 1, "nothing comes twice");
            assertThat(!new URL(page.url()).searchParams.getAll("room").includes("tea"), "forgotten");
            await room(page, "coffee").locator("button").click();
            assertThat((await textOf(page, "#notice")).includes("last room"), "the last one stays");
        },

        async topics_reads_on_after_the_responder_was_killed(page) {
            await openTopics(page, "lobby");
            const [before, after] = [mark(), mark()];
            await publish(page, before);
            await has(page, before);
            await control("kill-responder");
            await until("published again", async () => {
                const url = new URL("events/rooms/lobby", pageUrl(""));
                const response = await fetch(url, { method: "POST", body: after,
                    headers: { "Content-Type": "text/plain", "Idempotency-Key": after } });
                return response.ok;
            });
            await has(page, after);
            const all = await messages(page);
            for (const text of [before, after]) {
                assertThat(all.filter((each) => each === text).length === 1, `${text} comes once`);
            }
            page.expectedFailures = /ERR_|50\d/;
        },

        async topics_shows_gaps_and_refusals(page) {
            await openTopics(page, "lobby");
            const refused = { status: 429, contentType: "application/json",
                              body: '{"error": "too many events"}' };
            await page.route("**/events/rooms/lobby", (route) => route.fulfill(refused));
            const answers = (text) => until(text, async () =>
                (await textOf(page, "#answer")).includes(text)
            );
            await publish(page, "kept");
            await answers("too many events");
            assertThat((await page.locator("#publish-text").inputValue()) === "kept", "it is kept");
            Object.assign(refused, { status: 401, body: "" });
            await publish(page, "kept");
            await answers("You must log in");
            await page.unroute("**/events/rooms/lobby");

            // Nobody may publish into this family.
            await page.goto(pageUrl("topics.html", { family: "notices/*" }));
            await stateIs(page, "Live");
            await publish(page, "kept");
            await answers("You may not publish here");

            const gap = '{"stream":"rooms/lobby","reason":"expired","events":3}';
            await page.route("**/events/?*", (route) =>
                route.fulfill({ status: 200, contentType: "text/event-stream",
                                body: `event: stream.gap\ndata: ${gap}\n\n` })
            );
            await page.goto(pageUrl("topics.html"));
            await until("the gap", async () =>
                (await messages(page)).some((text) => text.includes("expired, 3 events missing"))
            );
            page.expectedFailures = /429|401|403/;
        },

        async topics_does_not_publish_twice_what_was_not_answered(page) {
            await openTopics(page, "lobby");
            const line = mark();
            // The server takes it, and its answer is lost.
            await page.route("**/events/rooms/lobby", async (route) => {
                await route.fetch();
                await route.abort();
            }, { times: 1 });
            await publish(page, line);
            await until("it is told", async () => (await textOf(page, "#answer")).includes("not known"));
            await publish(page, line);
            await until("it was taken", async () => (await textOf(page, "#answer")) === "");
            const after = mark();
            await publish(page, after);
            await has(page, after);
            const all = await messages(page);
            assertThat(all.filter((text) => text === line).length === 1, "it is there once");
            page.expectedFailures = /ERR_FAILED/;
        },

        topics_fits_a_narrow_screen_and_the_dark: (page) => fitsNarrow(page, "topics"),
    };
}
