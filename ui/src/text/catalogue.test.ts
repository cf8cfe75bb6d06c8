import { describe, expect, it } from "vitest";

type Message = string | { declarations: string[]; match: Record<string, string> }[];
type File = Record<string, Message>;

const FILES = import.meta.glob<File>("../../messages/{en,de}/*.json", { eager: true, import: "default" });

/** The files of a language by their name. */
function files(locale: string): [string, File][] {
  return Object.entries(FILES)
    .filter(([path]) => path.includes(`/${locale}/`))
    .map(([path, file]): [string, File] => [/([^/]+)\.json$/.exec(path)?.[1] ?? "", file])
    .sort();
}

function catalogue(locale: string): Map<string, Message> {
  return new Map(files(locale).flatMap(([, file]) => Object.entries(file)));
}

function texts(message: Message): string[] {
  return typeof message === "string" ? [message] : message.flatMap(form => Object.values(form.match));
}

function placeholders(message: Message): string[] {
  return [
    ...new Set(texts(message).flatMap(text => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""))),
  ].sort();
}

const ENGLISH = catalogue("en");
const GERMAN = catalogue("de");

/** Words of ui-spec §2 that have a better one: Machine, Link, Pair, and so on. */
const BANNED: [RegExp, string][] = [
  [/\bnodes?\b/i, "Machine, or Gridwell itself"],
  [/\bworkers?\b/i, "Machine"],
  [/\bpeers?\b/i, "Machine"],
  [/\bhosts?\b/i, "Machine"],
  [/\bcomputers?\b/i, "Machine"],
  [/\bservers?\b/i, "Machine"],
  [/\bedges?\b/i, "Link"],
  [/\bconnections?\b/i, "Link"],
  [/\bsubmit(s|ted)?\b/i, "Start"],
  [/\bcancel(s|led)? (the )?(job|task)/i, "Stop"],
  [/\babort/i, "Stop"],
  [/\bhold\b/i, "Pause"],
  [/\binvit(e|ation)s?\b/i, "Pair"],
  [/\bdaemons?\b/i, "Gridwell"],
  [/\bplease\b/i, "nothing: sentences are plain"],
  [/!/, "a full stop"],
];

/** Where a banned word is the right one. */
const ALLOWED = new Set([
  // The program that runs in the background, in the words of ui-spec §3.
  "shell_banner_other_version",
]);

/** Files whose keys begin with something else than their name. */
const OWN: Record<string, RegExp> = {
  common: /^(common|machine_state|job_state|task_state|link_state)_/,
  firstrun: /^(firstrun|pair)_/,
};

describe("the English catalogue", () => {
  it.each([...ENGLISH])("%s uses the words of the product", (key, message) => {
    if (ALLOWED.has(key)) return;
    for (const text of texts(message)) {
      for (const [word, better] of BANNED) expect(text, `use: ${better}`).not.toMatch(word);
    }
  });

  it("has keys that begin with the part they belong to", () => {
    for (const [name, file] of files("en")) {
      const wanted = OWN[name] ?? new RegExp(`^${name.replace(/s$/, "")}s?_`);
      for (const key of Object.keys(file)) expect(key, name).toMatch(wanted);
    }
  });
});

describe("the catalogue", () => {
  const sources = Object.values(
    import.meta.glob<string>(["../**/*.{ts,svelte}", "!./paraglide/**"], {
      eager: true,
      query: "?raw",
      import: "default",
    }),
  ).join("\n");

  it("holds no message that nobody says", () => {
    const words = new Set(sources.match(/\w+/g));
    expect([...ENGLISH.keys()].filter(key => !words.has(key))).toEqual([]);
  });
});

describe("the German catalogue", () => {
  it("has exactly the English keys", () => expect([...GERMAN.keys()].sort()).toEqual([...ENGLISH.keys()].sort()));

  it("calls things by one word each", () => {
    for (const [key, message] of GERMAN) {
      for (const text of texts(message))
        expect(text, key).not.toMatch(/Rechner|Computer|Knoten|Job\b|Task\b|Vorrang|!/);
    }
  });

  it.each([...ENGLISH])("%s has the same placeholders", (key, message) => {
    expect(placeholders(GERMAN.get(key) ?? "")).toEqual(placeholders(message));
  });
});
