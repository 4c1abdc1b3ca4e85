// SPDX-License-Identifier: MIT
// index: the tests of the page of all streams, and of what all pages have in their heads.

/** @param {object} tools those of helpers.mjs */
export function indexTests(tools) {
    const {
        append, assertThat, baseUrl, control, deadlineMs, fitsNarrow, mark, pageUrl, stateIs, textOf,
        until,
    } = tools;

    const card = (page, name) =>
        page.locator(".card", { has: page.locator(`.card-link:text-is("${name}")`) });

    async function openIndex(page) {
        await page.goto(baseUrl);
        await page.locator(".card").first().waitFor({ timeout: deadlineMs });
        await stateIs(page, "Live");
    }

    async function list() {
        return (await (await fetch(new URL("events/", baseUrl))).json()).streams;
    }

    async function inChinese(page) {
        await page.goto(baseUrl);
        await stateIs(page, "Live");
        const texts = () =>
            page.evaluate(() => [document.documentElement.lang, document.title,
                                 document.querySelector("h1").textContent,
                                 document.querySelector(".state-word").textContent].join("|"))
                .catch(() => ""); // the page is being loaded
        assertThat((await texts()) === "zh-CN|事件流 · ssecgi|事件流|实时", await texts());
        const name = await page.locator(".site nav").getAttribute("aria-label");
        assertThat(name === "页面", name);

        await page.locator(".language").focus();
        await page.keyboard.press("Enter");
        await until("English", async () => (await texts()) === "en|Streams · ssecgi|Streams|Live");
        await page.goto(pageUrl("topics.html"));
        await until("on the next page, too", async () => (await texts()).startsWith("en|Topics"));
        await page.locator(".language").click();
        await until("and back", async () => (await texts()).startsWith("zh-CN|主题"));
    }
    inChinese.context = { locale: "zh-TW" };

    return {
        async index_lists_the_streams_and_where_they_lead(page) {
            await openIndex(page);
            const names = await page.locator(".card-link").allTextContents();
            assertThat(names.join() === (await list()).map(({ name }) => name).join(), `${names}`);
            const href = (name) => card(page, name).locator(".card-link").getAttribute("href");
            assertThat((await href("answer")) === "chat.html?stream=answer", "it is asked");
            assertThat((await href("app")) === "log.html?stream=app", "a log is read");
            assertThat((await href("rooms/*")) === "topics.html?family=rooms%2F*", "its rooms");
            await card(page, "price").locator("button").click();
            const command = await textOf(page, "#command");
            assertThat(/^curl -N '.*\/events\/price\?last=10'$/.test(command), command);
        },

        async index_watches_all_streams_over_one_connection(page) {
            const asked = [];
            page.on("request", (request) => {
                if (request.url().includes("stream=")) {
                    asked.push(request.url());
                }
            });
            await openIndex(page);
            assertThat(asked.length === 1, `connections: ${asked}`);
            const line = mark();
            append(line);
            const latest = card(page, "app").locator(".latest");
            await until("its last line", async () => (await latest.textContent()) === line);
            // A log of many files has the file as its event's name.
            const other = mark();
            await control("write", { file: "web-one.log", body: `${other}\n` });
            const web = card(page, "web").locator(".latest");
            await until("that of a file", async () => (await web.textContent()) === other);
            const rate = card(page, "clock").locator(".rate");
            await until("a rate", async () => /^(0\.[5-9]|1|1\.\d)\/s$/.test(await rate.textContent()));
            const readable = (await list()).filter(({ methods, members }) =>
                methods.includes("GET") && members === undefined);
            assertThat((await page.locator("canvas.strip").count()) === readable.length, "strips");
            for (const { name, readers } of readable) {
                assertThat(readers === 1, `${name} has ${readers} readers`);
            }
        },

        // The server refuses a set with a stream that is read by its own URL only.
        async index_leaves_out_what_is_read_alone(page) {
            await page.route("**/events/?*", (route) =>
                route.request().url().includes("stream=price")
                    ? route.fulfill({ status: 404, body: '{"error": "no such stream"}' })
                    : route.continue()
            );
            await openIndex(page);
            const line = mark();
            append(line);
            const latest = (name) => card(page, name).locator(".latest");
            await until("the others", async () => (await latest("app").textContent()) === line);
            assertThat((await latest("price").textContent()).startsWith("Not watched"), "it is told");
            page.expectedFailures = /404/;
        },

        async index_watches_no_more_streams_than_one_connection_takes(page) {
            const streams = Array.from({ length: 20 }, (_, i) => ({
                name: `s${i}`, source: "tail", url: `/events/s${i}`, readers: i, params: [],
                methods: ["GET"] }));
            await page.route("**/events/", (route) => route.fulfill({ json: { streams } }));
            let asked = 0;
            await page.route("**/events/?*", (route) => {
                asked = new URL(route.request().url()).searchParams.getAll("stream").length;
                return route.fulfill({ contentType: "text/event-stream", body: "retry: 60000\n\n" });
            });
            await page.goto(baseUrl);
            await until("16 of them", () => asked === 16);
            assertThat((await page.locator(".card").count()) === 20, "all have a card");
            const last = await card(page, "s19").locator(".latest").textContent();
            assertThat(last.startsWith("Not watched"), "it is told");
        },

        async index_reads_on_after_the_server_was_restarted(page) {
            await openIndex(page);
            await control("stop-server");
            await stateIs(page, "Retrying");
            await control("start-server");
            await stateIs(page, "Live");
            const line = mark();
            append(line);
            const latest = card(page, "app").locator(".latest");
            await until("its last line", async () => (await latest.textContent()) === line);
            page.expectedFailures = /ERR_|502|503/;
        },

        pages_speak_the_readers_language: inChinese,

        index_fits_a_narrow_screen_and_the_dark: (page) => fitsNarrow(page, "index"),
    };
}
