// SPDX-License-Identifier: MIT
// vite.config: builds the React page. It loads the other pages' modules from where they are served.
//
//     npm run build -- --outDir FOLDER    writes FOLDER/react/, to be put among the pages
//     SSECGI_URL=http://127.0.0.1:8080 npm run dev    the streams of that server at /react/

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const pages = fileURLToPath(new URL("..", import.meta.url));
const ours = fileURLToPath(new URL(".", import.meta.url));

// Vite's server takes the address of the streams for that of a file, and changes it.
const leaveAddress = {
    name: "leave-address",
    enforce: "pre",
    apply: "serve",
    transform: (code, id) =>
        id === `${pages}ssecgi.js` ? code.replace("new URL(", "new URL(/* @vite-ignore */ ") : null,
};

export default defineConfig({
    root: pages,
    base: "./",
    publicDir: false,
    cacheDir: `${ours}node_modules/.vite`,
    plugins: [leaveAddress],
    esbuild: { jsx: "automatic" },
    build: {
        outDir: `${pages}../build`,
        emptyOutDir: false,
        target: "es2022",
        modulePreload: { polyfill: false },
        rollupOptions: {
            input: `${ours}index.html`,
            external: (id) => id.startsWith(pages) && !id.startsWith(ours),
            output: {
                paths: (id) => id.slice(pages.length),
                entryFileNames: "react/page.js",
                assetFileNames: "react/[name][extname]",
            },
        },
    },
    server: { proxy: { "/events": process.env.SSECGI_URL ?? "http://127.0.0.1:8080" } },
});
