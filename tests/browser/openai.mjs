// SPDX-License-Identifier: MIT
// openai.mjs: asks through OpenAI's own client library, and prints what that makes of the answer, as JSON.
//
//     node openai.mjs BASE_URL KEY [OPTIONS_AS_JSON]
import OpenAI from "openai";

const [baseURL, apiKey, options] = process.argv.slice(2);
const client = new OpenAI({baseURL, apiKey, maxRetries: 0});
const result = {text: "", chunks: 0};
try {
    const {data, response} = await client.chat.completions.create({
        model: "m", stream: true, messages: [{role: "user", content: "hi"}], ...JSON.parse(options ?? "{}")
    }).withResponse();
    result.address = response.headers.get("location");
    for await (const chunk of data) {
        result.chunks++;
        result.text += chunk.choices[0]?.delta?.content ?? "";
        result.usage = chunk.usage ?? result.usage;
    }
} catch (error) {
    result.error = {name: error.constructor.name, status: error.status, type: error.type, message: error.message};
}
console.log(JSON.stringify(result));
