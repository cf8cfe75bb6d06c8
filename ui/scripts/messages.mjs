// Compiles the message catalogue to typed functions in `src/text/paraglide`.
//
// `--pseudo` adds the pseudo-locale en-XA (accents, brackets, a third longer), which shows texts that are not in the
// catalogue and layouts that do not stretch. It is made from English here and never shipped.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compile } from "@inlang/paraglide-js";

import { pseudo } from "./pseudo.mjs";

const UI = fileURLToPath(new URL("..", import.meta.url));

export async function compileMessages({ withPseudo }) {
  const project = withPseudo ? await pseudoProject() : `${UI}project.inlang`;
  await compile({
    project,
    outdir: `${UI}src/text/paraglide`,
    strategy: ["globalVariable", "baseLocale"],
    outputStructure: "message-modules",
    isServer: "false",
    disableAsyncLocalStorage: true,
    emitReadme: false,
    emitGitIgnore: false,
    emitPrettierIgnore: false,
    cleanOutdir: false,
  });
}

/** A text of a compiled message in one language, without plurals. */
const TEXT = /const (en|de)_\w+ = .* \((i?)\) => \{\n\treturn \/\*\* .*? \*\/ \((`[^`]*`)\)\n\};/g;

/**
 * Takes out of a compiled message what this window never uses: a language chosen for one call, messages whose values are
 * missing, and functions around plain texts. Saves a hundredth of the shipped script.
 */
export function leaner(code) {
  const texts = new Map([...code.matchAll(TEXT)].map(([, locale, , text]) => [locale, text.replaceAll("i?.", "i.")]));
  const name = /export const (\w+) =/.exec(code)?.[1];
  if (name !== undefined && texts.size === 2 && !code.includes("const en_xa")) {
    const input = code.includes(") => LocalizedString} */ (i) =>") ? "i" : "()";
    return `import { pick } from "../../pick";
export const ${name} = ${input} => pick(${texts.get("de")}, ${texts.get("en")});`;
  }
  return code
    .replace("experimentalStaticLocale ?? options.locale ?? getLocale()", "getLocale()")
    .replace("(inputs, options = {}) =>", "inputs =>")
    .replace(/\(inputs = \{\}, options = \{\}\) =>[^]*/, body =>
      body.replaceAll("inputs", "").replace("( = {}, options = {})", "()"),
    )
    .replaceAll("${i?.", "${i.");
}

async function pseudoProject() {
  const settings = JSON.parse(await readFile(`${UI}project.inlang/settings.json`, "utf8"));
  await mkdir(`${UI}messages/en-XA`, { recursive: true });
  for (const file of await readdir(`${UI}messages/en`)) {
    const english = JSON.parse(await readFile(`${UI}messages/en/${file}`, "utf8"));
    await writeFile(`${UI}messages/en-XA/${file}`, `${JSON.stringify(pseudo(english), null, 2)}\n`);
  }
  const project = `${UI}node_modules/.cache/pseudo.inlang`;
  await mkdir(project, { recursive: true });
  // Paths in the settings start at the folder that holds the project.
  const up = text => text.replace(/^\.\//, "../../");
  settings.locales = [...settings.locales, "en-XA"];
  settings.modules = settings.modules.map(up);
  const format = settings["plugin.inlang.messageFormat"];
  format.pathPattern = format.pathPattern.map(up);
  await writeFile(`${project}/settings.json`, JSON.stringify(settings, null, 2));
  return project;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await compileMessages({ withPseudo: process.argv.includes("--pseudo") });
}
