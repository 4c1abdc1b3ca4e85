// SPDX-License-Identifier: MIT
// memory: what a page and its workers hold, told by each one's V8 after a collection of garbage.

const pageKinds = ["page", "worker", "shared_worker"];
const answerMs = 30000;

// Sends commands to one target through the browser's session.
class Target {
    #session;
    #id;
    #number = 0;
    #waiting = new Map();
    #onMessage = ({ sessionId, message }) => {
        const { id, result, error } = JSON.parse(message);
        if (sessionId === this.#id && this.#waiting.has(id)) {
            const { resolve, reject } = this.#waiting.get(id);
            this.#waiting.delete(id);
            error ? reject(new Error(error.message)) : resolve(result);
        }
    };

    static async open(session, targetId) {
        const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
        return new Target(session, sessionId);
    }

    constructor(session, id) {
        this.#session = session;
        this.#id = id;
        session.on("Target.receivedMessageFromTarget", this.#onMessage);
    }

    send(method, params = {}) {
        this.#number++;
        const message = JSON.stringify({ id: this.#number, method, params });
        const answer = new Promise((resolve, reject) => {
            this.#waiting.set(this.#number, { resolve, reject });
            setTimeout(() => reject(new Error(`${method}: no answer`)), answerMs).unref();
        });
        this.#session.send("Target.sendMessageToTarget", { sessionId: this.#id, message });
        return answer;
    }

    async close() {
        this.#session.off("Target.receivedMessageFromTarget", this.#onMessage);
        await this.#session.send("Target.detachFromTarget", { sessionId: this.#id });
    }
}

/**
 * Bytes of heap and of buffers (what stands behind ArrayBuffers), summed over the page and its workers.
 *
 * @returns {Promise<{heap: number, buffers: number, parts: object[]}>}
 */
export async function memoryOf(browser) {
    const session = await browser.newBrowserCDPSession();
    const { targetInfos } = await session.send("Target.getTargets");
    const parts = [];
    for (const info of targetInfos.filter((each) => pageKinds.includes(each.type))) {
        const target = await Target.open(session, info.targetId);
        await target.send("HeapProfiler.collectGarbage");
        const usage = await target.send("Runtime.getHeapUsage");
        parts.push({
            kind: info.type,
            url: info.url,
            heap: usage.usedSize,
            buffers: usage.backingStorageSize,
        });
        await target.close();
    }
    await session.detach();
    const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
    return { heap: sum("heap"), buffers: sum("buffers"), parts };
}
