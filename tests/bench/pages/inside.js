// SPDX-License-Identifier: MIT
// inside: runs in a page before its own modules: takes the times that only the page can see.

(() => {
    const longTasks = [];
    let frames = [];
    let counting = 0; // the frame that is asked for

    new PerformanceObserver((list) => {
        longTasks.push(...list.getEntries().map((entry) => entry.duration));
    }).observe({ type: "longtask", buffered: true });

    const frame = () => new Promise(requestAnimationFrame);

    // A task after the frame: it has been laid out and painted by then.
    const afterFrame = () =>
        new Promise((resolve) => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => resolve(performance.now());
            requestAnimationFrame(() => channel.port2.postMessage(null));
        });

    function count(now) {
        frames.push(now);
        counting = requestAnimationFrame(count);
    }

    // The rows that a reader sees, by what stands in them.
    function shownRows() {
        const view = document.getElementById("view").getBoundingClientRect();
        const rows = [...document.querySelectorAll("#rows > *")];
        return rows.filter((row) => {
            const box = row.getBoundingClientRect();
            return box.height > 0 && box.bottom > view.top && box.top < view.bottom;
        });
    }

    // No blank above or below the rows, but for less than a row's height.
    function isFull() {
        const view = document.getElementById("view").getBoundingClientRect();
        const rows = shownRows();
        if (rows.length === 0) {
            return false;
        }
        const [first, last] = [rows[0], rows.at(-1)].map((row) => row.getBoundingClientRect());
        const slackPx = 2 * first.height;
        return first.top - view.top < slackPx && view.bottom - last.bottom < slackPx;
    }

    globalThis.bench = {
        async whenShown(text) {
            while (!document.getElementById("rows")?.textContent.includes(text)) {
                await frame();
            }
            return afterFrame();
        },

        startFrames() {
            frames = [];
            longTasks.length = 0;
            counting = requestAnimationFrame(count);
        },

        /** How long each frame lasted, and the tasks over 50 ms, all in ms. */
        stopFrames() {
            cancelAnimationFrame(counting);
            return { frames: frames.slice(1).map((at, i) => at - frames[i]), longTasks };
        },

        /** From the next press of the pointer until other rows fill the screen, in ms. */
        async nextJump() {
            const before = shownRows().map((row) => row.textContent).join("\n");
            const at = await new Promise((resolve) =>
                addEventListener("pointerdown", (event) => resolve(event.timeStamp),
                    { capture: true, once: true }));
            const now = () => shownRows().map((row) => row.textContent).join("\n");
            while (!isFull() || now() === before) {
                await frame();
            }
            return { ms: (await afterFrame()) - at, text: shownRows()[0].textContent };
        },

        rowCount: () => document.querySelectorAll("#rows > *").length,
    };
})();
