// SPDX-License-Identifier: MIT
// price: the tests of the price page. Its stream has the symbols ACME and GLOBEX, each second.

/** @param {object} tools those of helpers.mjs */
export function priceTests(tools) {
    const { assertThat, baseUrl, control, fitsNarrow, pageUrl, stateIs, textOf, until } = tools;

    const card = (page, name) => page.locator(".symbol", { hasText: name });
    const line = (page, name) => page.locator("#legend tr", { hasText: name });
    const cellOf = (page, name, column) => line(page, name).locator("td").nth(column).textContent();
    const isPressed = async (locator) => (await locator.getAttribute("aria-pressed")) === "true";
    const plotBox = (page) => page.locator("#chart .u-over").boundingBox();

    async function openPrices(page, params = {}) {
        await page.goto(pageUrl("price.html", params));
        await stateIs(page, "Live");
        await until("two symbols", async () => (await page.locator(".symbol").count()) === 2);
        await until("a price", async () => /^\d+\.\d\d$/.test(await cellOf(page, "GLOBEX", 0)));
    }

    // What the server says of the last so many events: those before a tick that is still to come.
    async function lastEvents(count) {
        const url = new URL(`events/price?before=${Date.now() + 2000}.0&last=${count}`, baseUrl);
        const text = await (await fetch(url)).text();
        return [...text.matchAll(/^data: (\{"symbol".*)$/gm)].map(([, json]) => JSON.parse(json));
    }

    const clockOf = (time) => new Date(time).toTimeString().slice(0, 8);

    // Each reading of the keyboard, from the newest back.
    async function readBack(page, count) {
        const readings = [];
        await page.locator("#chart").focus();
        for (let i = 0; i < count; i++) {
            await page.keyboard.press("ArrowLeft");
            readings.push(await textOf(page, "#reading"));
        }
        return readings;
    }

    // Whether each reading is the second before the one before it.
    function areConsecutive(readings) {
        const seconds = readings.map((text) => {
            const [h, m, s] = text.slice(0, 8).split(":").map(Number);
            return h * 3600 + m * 60 + s;
        });
        return seconds.every((second, i) => i === 0 || (seconds[i - 1] - second + 86400) % 86400 === 1);
    }

    // The colours of the chart's pixels between two parts of its width, grid lines left out.
    function linePixels(page, from, to) {
        return page.locator("#chart canvas").evaluate((canvas, [start, end]) => {
            const over = document.querySelector("#chart .u-over");
            const scale = devicePixelRatio;
            const left = Math.round((over.offsetLeft + over.clientWidth * start) * scale);
            const width = Math.round(over.clientWidth * (end - start) * scale);
            const height = Math.round(over.clientHeight * scale);
            const top = Math.round(over.offsetTop * scale);
            const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, -left, -top);
            const { data } = copy.getImageData(0, 0, width, height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4) {
                const [red, green, blue, alpha] = data.subarray(i, i + 4);
                // Lines are of full colour; grid, text and the gap's shade are not.
                const isStrong = Math.max(red, green, blue) - Math.min(red, green, blue) > 60;
                count += alpha > 128 && isStrong ? 1 : 0;
            }
            return count;
        }, [from, to]);
    }

    return {
        async price_shows_the_chosen_symbols_with_their_history(page) {
            await openPrices(page);
            assertThat((await textOf(page, "#chart-title")) === "ACME, GLOBEX", "both are shown");
            await until("lines from the left to the right", async () =>
                (await linePixels(page, 0.02, 0.1)) > 0 && (await linePixels(page, 0.9, 0.98)) > 0
            );
            await card(page, "GLOBEX").click();
            await until("one symbol", async () => (await textOf(page, "#chart-title")) === "ACME");
            assertThat(page.url().includes("show=ACME"), "the choice is in the address");
            await until("one line of numbers", async () => line(page, "GLOBEX").isHidden());
            await page.reload();
            await until("the same choice", async () =>
                (await page.locator(".symbol").count()) === 2 && !(await isPressed(card(page, "GLOBEX")))
            );
            await page.locator("#toggle-all").click();
            assertThat(await isPressed(card(page, "GLOBEX")), "all are shown again");
            await page.locator("#toggle-all").click();
            await until("none", async () =>
                (await textOf(page, "#chart-title")) === "No symbol is chosen"
            );
        },

        async price_loads_what_is_older_when_the_range_begins_before_it(page) {
            await openPrices(page);
            await page.locator("#spans button", { hasText: "1 h" }).click();
            await until("all of an hour", async () =>
                (await textOf(page, "#older")).includes("history begins here") ||
                (await textOf(page, "#older")) === ""
            );
            await until("lines from the beginning", async () => (await linePixels(page, 0.02, 0.1)) > 0);
            const box = await plotBox(page);
            await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
            await until("a time", async () => /^\d\d:/.test(await textOf(page, "#cursor-head")));
            const time = await textOf(page, "#cursor-head");
            const known = await lastEvents(7200);
            const same = known.filter((price) => clockOf(price.time) === time);
            assertThat(same.length === 2, `the server has ${same.length} prices of ${time}`);
            for (const { symbol, price } of same) {
                const shown = await cellOf(page, symbol, 1);
                assertThat(shown === price.toFixed(2), `${symbol} at ${time}: ${shown}, not ${price}`);
            }
        },

        async price_shows_a_range_that_is_dragged_and_follows_again(page) {
            await openPrices(page);
            const box = await plotBox(page);
            const timeShown = () => textOf(page, "#cursor-head");
            // Away first, so that what is read is not what stood there before.
            const timeAt = async (part) => {
                await page.mouse.move(box.x, box.y - 50);
                await until("no crosshair", async () => (await timeShown()) === "Crosshair");
                await page.mouse.move(box.x + box.width * part, box.y + 30);
                await until("a time", async () => /^\d\d:/.test(await timeShown()));
                return timeShown();
            };
            await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
            await page.mouse.down();
            await page.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 4 });
            await page.mouse.up();
            await until("no longer following", async () => !(await isPressed(page.locator("#live"))));
            const before = await timeAt(0.01);
            // A second later it still stands there.
            const last = await cellOf(page, "ACME", 0);
            await until("another price", async () => (await cellOf(page, "ACME", 0)) !== last);
            assertThat((await timeAt(0.01)) === before, "the range stands");
            await page.locator("#earlier").click();
            await until("an earlier time", async () => (await timeAt(0.01)) !== before);
            await page.mouse.dblclick(box.x + box.width * 0.5, box.y + 30);
            await until("following", async () => isPressed(page.locator("#live")));
            assertThat(await isPressed(page.locator("#spans button").nth(1)), "5 min again");
        },

        async price_asks_for_no_other_symbols_than_those_of_the_address(page) {
            await page.goto(pageUrl("price.html", { symbol: "GLOBEX" }));
            await until("its price", async () =>
                (await page.locator("#legend tr").count()) > 0 &&
                /^\d+\.\d\d$/.test(await cellOf(page, "GLOBEX", 0))
            );
            await page.locator("#spans button", { hasText: "1 h" }).click();
            await until("what is older", async () => (await linePixels(page, 0.02, 0.1)) > 0);
            assertThat((await page.locator(".symbol").count()) === 1, "no other symbol comes");
        },

        async price_compares_symbols_in_percent(page) {
            await openPrices(page, { scale: "percent" });
            assertThat(await isPressed(page.locator("#scale-percent")), "the address chooses");
            await until("lines", async () => (await linePixels(page, 0.02, 0.1)) > 0);
            await page.locator("#scale-price").click();
            assertThat(page.url().includes("scale=price"), "and it tells the choice");
            await page.locator("#scale-percent").click();
            await until("percent", async () => isPressed(page.locator("#scale-percent")));
        },

        async price_is_read_by_keys(page) {
            await openPrices(page);
            const readings = await readBack(page, 5);
            assertThat(areConsecutive(readings), readings.join("; "));
            const known = await lastEvents(60);
            for (const reading of readings) {
                const same = known.filter(({ time }) => reading.startsWith(clockOf(time)));
                const text = same.map(({ symbol, price }) => `${symbol} ${price.toFixed(2)}`).join(", ");
                assertThat(reading.endsWith(`: ${text}`), `${reading}, not ${text}`);
            }
            const stands = () => until("the time of the last reading", async () =>
                readings.at(-1).startsWith(await textOf(page, "#cursor-head"))
            );
            await stands();
            await page.keyboard.press("+");
            await page.keyboard.press("+");
            await stands();
            await page.keyboard.press("PageUp");
            await until("not following", async () => !(await isPressed(page.locator("#live"))));
            await page.keyboard.press("End");
            await until("following", async () => isPressed(page.locator("#live")));
            await page.keyboard.press("Escape");
            await until("no crosshair", async () =>
                (await textOf(page, "#cursor-head")) === "Crosshair"
            );
        },

        async price_goes_on_where_it_was_when_the_server_is_killed(page) {
            await openPrices(page);
            await control("kill-responder");
            await until("another state", async () =>
                (await page.locator("#state").getAttribute("data-state")) !== "live"
            );
            await stateIs(page, "Live");
            const last = await cellOf(page, "ACME", 0);
            await until("another price", async () => (await cellOf(page, "ACME", 0)) !== last);
            const readings = await readBack(page, 20);
            assertThat(areConsecutive(readings), readings.join("; "));
            assertThat(await page.locator("#gap").isHidden(), "nothing is missing");
            page.expectedFailures = /ERR_|50\d/;
        },

        async price_draws_a_gap_as_a_gap(page) {
            const now = Math.floor(Date.now() / 1000) * 1000;
            const event = (ago) => {
                const time = now - ago * 1000;
                const data = { symbol: "ACME", price: 100 + (ago % 5), change: 1, time: new Date(time) };
                return `id: ${time}.0\ndata: ${JSON.stringify(data)}\n\n`;
            };
            const list = (from, to) => Array.from({ length: from - to + 1 }, (_, i) => event(from - i));
            const gap = `id: ${now - 30000}.0\nevent: stream.gap\ndata: {"reason":"late","events":30}\n\n`;
            const body = [...list(100, 61), gap, ...list(29, 0), "event: stream.end\ndata: {}\n\n"];
            await page.route("**/events/price?*", (route) =>
                route.fulfill({ status: 200, contentType: "text/event-stream", body: body.join("") })
            );
            await page.goto(pageUrl("price.html"));
            await until("the gap", async () =>
                (await textOf(page, "#gap")).includes("late, 30 events missing")
            );
            await page.locator("#spans button", { hasText: "1 min" }).click();
            await until("the line after it", async () => (await linePixels(page, 0.55, 0.95)) > 0);
            // From 60 s ago to 29 s ago there is none.
            assertThat((await linePixels(page, 0.02, 0.5)) === 0, "no line where nothing is known");
        },

        async price_goes_on_without_its_chart(page) {
            await page.route("**/vendor/*", (route) => route.fulfill({ status: 404 }));
            await openPrices(page);
            assertThat(await page.locator("#no-chart").isVisible(), "a sentence says so");
            assertThat(!(await page.locator("#chart").isVisible()), "and there is no empty chart");
            page.expectedFailures = /404/;
        },

        price_speaks_chinese: Object.assign(
            async (page) => {
                await openPrices(page);
                assertThat((await textOf(page, "h1")) === "价格", "the heading");
                assertThat((await textOf(page, "#live")) === "实时", "a button");
                assertThat((await page.title()).startsWith("price"), "the stream's name stays");
            },
            { context: { locale: "zh-CN" } }
        ),

        price_fits_a_narrow_screen_and_the_dark: (page) => fitsNarrow(page, "price"),
    };
}
