// Fails when the shipped script is larger than ui-spec §12 allows: all of it, and what the first screen loads.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const ALL_KB = 250;
const FIRST_KB = 150;

const scripts = new Map(
  readdirSync(`${DIST}/assets`)
    .filter(name => name.endsWith(".js"))
    .map(name => [name, readFileSync(`${DIST}/assets/${name}`, "utf8")]),
);
const kb = names => [...names].reduce((sum, name) => sum + gzipSync(scripts.get(name) ?? "").length, 0) / 1000;

/** A script and everything it imports at once, which is not what it imports when it is asked to. */
function withImports(name, seen = new Set()) {
  if (seen.has(name) || !scripts.has(name)) return seen;
  seen.add(name);
  const found = (scripts.get(name) ?? "").matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g);
  for (const [, imported] of found) withImports(imported, seen);
  return seen;
}

const html = readFileSync(`${DIST}/index.html`, "utf8");
const entries = [...html.matchAll(/assets\/([^"]+\.js)"/g)].map(([, name]) => name);
const first = new Set();
for (const name of entries) withImports(name, first);
// The first screen is the grid with its scene; other views come when they are opened.
for (const name of scripts.keys()) if (/^(GridView|http)-/.test(name)) withImports(name, first);

const all = kb(scripts.keys());
const start = kb(first);
console.log(`script: ${all.toFixed(1)} kB gzip of ${ALL_KB}, first screen ${start.toFixed(1)} kB of ${FIRST_KB}`);
if (process.argv.includes("--list"))
  for (const name of scripts.keys())
    console.log(`  ${kb([name]).toFixed(1).padStart(6)} kB ${first.has(name) ? "*" : " "} ${name}`);
if (all > ALL_KB || start > FIRST_KB) {
  console.error("script: over its limit (ui-spec §12); load a view or library later, or do without");
  process.exitCode = 1;
}
