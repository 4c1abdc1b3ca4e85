// SPDX-License-Identifier: MIT
// clock: the tests of the clock page.

/** @param {object} tools those of helpers.mjs */
export function clockTests(tools) {
    const { assertThat, control, fitsNarrow, pageUrl, stateIs, textOf, until } = tools;

    async function openClock(page) {
        await page.goto(pageUrl("clock.html"));
        await stateIs(page, "Live");
        await until("a time", async () => /^\d\d:\d\d:\d\d$/.test(await textOf(page, "#time")));
    }

    const ticksOf = async (page) => Number(await textOf(page, "#ticks"));

    return {
        async clock_shows_the_time(page) {
            await openClock(page);
            const first = await textOf(page, "#time");
            await until("another time", async () => (await textOf(page, "#time")) !== first);
            await until("offset", async () => /\d ms$/.test(await textOf(page, "#offset")));
            await until("jitter", async () => /\d ms$/.test(await textOf(page, "#jitter")));
        },

        async clock_misses_no_tick_when_the_server_is_killed(page) {
            await openClock(page);
            await until("four ticks", async () => (await ticksOf(page)) >= 4);
            await control("kill-responder");
            await until("it resumes", async () =>
                (await textOf(page, "#resumed")).startsWith("Resumed 1 time,")
            );
            const ticks = await ticksOf(page);
            await until("more ticks", async () => (await ticksOf(page)) > ticks + 1);
            assertThat((await textOf(page, "#missing")) === "0", "none is missing");
            assertThat(await page.locator("#gap").isHidden(), "and no gap is told");
            page.expectedFailures = /ERR_|50\d/;
        },

        async clock_tells_of_ticks_that_are_missing(page) {
            const now = Math.floor(Date.now() / 1000) * 1000;
            const tick = (i) => `id: ${now + i * 1000}\ndata: {"epoch_ms":${now + i * 1000}}\n\n`;
            const gap = `id: ${now + 8000}\nevent: stream.gap\ndata: {"reason":"late","events":3}\n\n`;
            const ticks = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => tick(from + i));
            const body = [...ticks(0, 5), gap, ...ticks(9, 12), "event: stream.end\ndata: {}\n\n"];
            await page.route("**/events/clock", (route) =>
                route.fulfill({ status: 200, contentType: "text/event-stream", body: body.join("") })
            );
            await page.goto(pageUrl("clock.html"));
            await until("the end", async () => (await ticksOf(page)) === 10);
            assertThat((await textOf(page, "#missing")) === "3", "how many");
            const time = new Date(now + 9000).toISOString().slice(11, 19);
            assertThat((await textOf(page, "#missed")) === `3 ticks before ${time}`, "and when");
            assertThat((await textOf(page, "#gap")).includes("late"), "and why");
        },

        async clock_says_what_has_become_of_its_connection(page) {
            const answers = {
                Busy: { status: 200, body: 'event: stream.busy\ndata: {"reason":"max_streams"}\n\n' },
                Retrying: { status: 503, headers: { "Retry-After": "60" }, body: "" },
                Ended: { status: 200, body: "event: stream.end\ndata: {}\n\n" },
            };
            page.expectedFailures = /503/;
            for (const [state, answer] of Object.entries(answers)) {
                await page.unrouteAll();
                await page.route("**/events/clock", (route) =>
                    route.fulfill({ contentType: "text/event-stream", ...answer })
                );
                await page.goto(pageUrl("clock.html"));
                await stateIs(page, state);
            }
            await page.unrouteAll();
            await page.route("**/events/clock", () => {}); // no answer, and no end
            await page.clock.install();
            await page.goto(pageUrl("clock.html"));
            await until("it is asked", async () => (await textOf(page, "#state")).length > 0);
            await until("Stale", async () => {
                await page.clock.fastForward(36000);
                return (await textOf(page, "#state")).includes("Stale");
            });
        },

        clock_fits_a_narrow_screen_and_the_dark: (page) => fitsNarrow(page, "clock"),
    };
}
