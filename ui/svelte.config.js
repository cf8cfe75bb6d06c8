import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("src", import.meta.url));

const components = readdirSync(SRC, { recursive: true })
  .filter(name => name.endsWith(".svelte"))
  .sort();

/** Names a component's styles by its number among all: hashes do not compress, 1.5 kB of 250. */
function cssHash({ filename, hash, css }) {
  const at = components.findIndex(name => filename.endsWith(`src/${name}`));
  return at < 0 ? `s-${hash(css)}` : `s${at.toString(36)}`;
}

/** @type {import("@sveltejs/vite-plugin-svelte").SvelteConfig} */
export default { compilerOptions: { runes: true, cssHash } };
