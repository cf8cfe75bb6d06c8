import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { icons } from "./scripts/icons.mjs";
import { licences } from "./scripts/licences.mjs";
import { compileMessages, leaner } from "./scripts/messages.mjs";

/** Where a node's browser door listens, for `npm run dev`: GRIDWELL_DOOR=http://127.0.0.1:4711 npm run dev */
const DOOR = process.env["GRIDWELL_DOOR"] ?? "http://127.0.0.1:4711";

/** One version for node and window: the workspace's. */
const VERSION =
  /^version = "([^"]+)"/m.exec(readFileSync(new URL("../Cargo.toml", import.meta.url), "utf8"))?.[1] ?? "0";

/** A busy machine is slow; only a test that hangs takes so long. */
const PATIENCE_MS = 60_000;

/** Compiles the catalogue at the start, and again when a message changes. */
function messages(withPseudo: boolean): Plugin {
  return {
    name: "gridwell-messages",
    buildStart: () => compileMessages({ withPseudo }),
    transform: {
      filter: { id: /\/paraglide\/messages\/\w+\.js$/ },
      handler: code => leaner(code),
    },
    configureServer(server) {
      server.watcher.add(["en", "de"].map(locale => fileURLToPath(new URL(`messages/${locale}`, import.meta.url))));
      server.watcher.on("change", path => {
        if (/messages[\\/](en|de)[\\/]/.test(path)) void compileMessages({ withPseudo });
      });
    },
  };
}

/**
 * Modules that many screens share, each kind in one file. One file for each set of screens that share something, as it
 * would be otherwise, compresses worse: 9 kB of 242.
 */
const GROUPS = [
  { name: "svelte", test: /node_modules\/(svelte|esm-env|clsx)\//, priority: 1 },
  { name: "messages", test: /paraglide\/messages\// },
  // What the window starts with, and what its first screen adds, whoever else uses it. The lab has two pages, each of
  // which starts for itself.
  { name: "start", tags: ["$initial"], test: /\/src\/(?!.*lab\/)|\/node_modules\//, priority: -1 },
  { name: "GridView", test: /\/views\/grid\/GridView/, priority: -2 },
  // The screens of the side bar, those for now and then, and what opens over them: apart they would take 24 kB more.
  {
    name: "screens",
    test: /\/(views\/(jobs|job|machines|machine|files|link|activity|submit|settings|firstrun|doctor)|shell\/diagnostics)/,
    priority: -3,
  },
];

export default defineConfig(({ command, mode }) => {
  const lab = mode === "lab";
  return {
    define: { __GRIDWELL_VERSION__: JSON.stringify(VERSION) },
    plugins: [messages(lab || command === "serve"), icons(), svelte(), licences()],
    resolve: {
      alias: {
        "~": fileURLToPath(new URL("src", import.meta.url)),
        "d3-transition": fileURLToPath(new URL("src/scene/d3-transition.ts", import.meta.url)),
        "d3-interpolate": fileURLToPath(new URL("src/scene/d3-interpolate.ts", import.meta.url)),
      },
      // Vitest resolves Svelte's server half otherwise, in which nothing is reactive.
      ...(mode === "test" ? { conditions: ["browser"] } : {}),
    },
    server: {
      host: "127.0.0.1",
      port: 5173,
      strictPort: true,
      proxy: { "/v1": { target: DOOR, ws: true, changeOrigin: true, headers: { origin: DOOR } } },
    },
    build: {
      target: "es2023",
      minify: "terser",
      // Functions written out where they are called compress worse: 1 kB of 250.
      terserOptions: { ecma: 2020, compress: { passes: 3, inline: 1 } },
      outDir: lab ? "dist-lab" : "dist",
      // The content security policy allows neither data addresses nor scripts in the page.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 400,
      rolldownOptions: {
        input: lab ? ["lab.html", "scene-lab.html", "lending-lab.html"] : ["index.html"],
        output: {
          codeSplitting: { groups: GROUPS },
        },
      },
    },
    test: {
      include: ["src/**/*.test.ts", "scripts/**/*.test.mjs"],
      environment: "node",
      css: true,
      testTimeout: PATIENCE_MS,
      // A world of its own for each file would load the catalogue and all it needs anew: 150 s instead of 20.
      isolate: false,
      setupFiles: ["src/text/english.setup.ts"],
    },
  };
});
