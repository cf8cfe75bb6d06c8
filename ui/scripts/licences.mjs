// Puts the licences of what is shipped beside it: the fonts' (OFL asks for it) and those of the bundled packages.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MODULES = fileURLToPath(new URL("../node_modules", import.meta.url));

/** A Vite plugin that writes `licences.txt` into the build. */
export function licences() {
  return {
    name: "gridwell-licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const used = new Set(["@fontsource/inter", "@fontsource/jetbrains-mono"]);
      for (const chunk of Object.values(bundle)) {
        for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
          const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll("\\", "/"))?.[1];
          if (name !== undefined) used.add(name);
        }
      }
      const texts = [...used].sort().map(licenceOf);
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n") });
    },
  };
}

function licenceOf(name) {
  const folder = `${MODULES}/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = ["LICENSE", "LICENSE.md", "LICENCE", "license", "LICENSE.txt", "LICENSE_MIT"].find(file =>
    existsSync(`${folder}/${file}`),
  );
  const text = file === undefined ? "" : readFileSync(`${folder}/${file}`, "utf8");
  return `${"=".repeat(80)}\n${name} ${version} (${license})\n\n${text}`;
}
