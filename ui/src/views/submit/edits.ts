import type { DraftView, SubmitRequest } from "~/bridge";

/** What a person may change of a draft. A field that is `null` is as the file, the last time or the recipe says. */
export interface Edits {
  name: string | null;
  frames: string | null;
  output: string | null;
  parameters: Readonly<Record<string, string>>;
  priority: number;
  /** Names of machines that alone may run it; empty means any. */
  on: readonly string[];
  needs: readonly string[];
  prefers: readonly string[];
  attempts: number | null;
  hold: boolean;
  /** Make anew what an earlier job made of the same. */
  fresh: boolean;
  /** Let results replace whatever has their names. */
  overwrite: boolean;
  /** True once a person said that missing files do not matter. */
  missingIgnored: boolean;
}

export const NO_EDITS: Edits = {
  name: null,
  frames: null,
  output: null,
  parameters: {},
  priority: 0,
  on: [],
  needs: [],
  prefers: [],
  attempts: null,
  hold: false,
  fresh: false,
  overwrite: false,
  missingIgnored: false,
};

/** The wish that starts a draft as it was changed; `key` makes a second click join the first. */
export function requestOf(source: Pick<SubmitRequest, "paths" | "command">, edits: Edits, key: string): SubmitRequest {
  const request: SubmitRequest = { ...source, key };
  if (edits.name !== null) request.name = edits.name;
  if (edits.frames !== null) request.frames = edits.frames;
  if (edits.output !== null) request.output = edits.output;
  if (edits.priority !== 0) request.priority = edits.priority;
  if (edits.attempts !== null) request.attempts = edits.attempts;
  if (edits.hold) request.hold = true;
  if (edits.fresh) request.fresh = true;
  if (edits.overwrite) request.overwrite = true;
  if (Object.keys(edits.parameters).length > 0) request.parameters = { ...edits.parameters };
  if (edits.on.length > 0) request.on = [...edits.on];
  if (edits.needs.length > 0) request.needs = [...edits.needs];
  if (edits.prefers.length > 0) request.prefers = [...edits.prefers];
  return request;
}

/** What keeps a draft from being started. All of it is shown. */
export type Obstacle =
  { obstacle: "missing"; count: number } | { obstacle: "nobody" } | { obstacle: "value"; name: string };

export function obstacles(draft: DraftView, edits: Edits): Obstacle[] {
  const found: Obstacle[] = [];
  if (draft.missing.length > 0 && !edits.missingIgnored) {
    found.push({ obstacle: "missing", count: draft.missing.length });
  }
  if (draft.machines.length > 0 && !draft.machines.some(machine => machine.fits)) found.push({ obstacle: "nobody" });
  for (const parameter of draft.parameters) {
    if (parameter.value === null && edits.parameters[parameter.name] === undefined) {
      found.push({ obstacle: "value", name: parameter.name });
    }
  }
  return found;
}

/** Splits what a person typed as a shell would, without its expansions: blanks part, quotes and backslashes keep. */
export function words(line: string): string[] {
  const found: string[] = [];
  let word = "";
  let open = false;
  let quote: '"' | "'" | null = null;
  const characters = [...line];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "\\" && quote !== "'" && at + 1 < characters.length) {
      at += 1;
      word += characters[at];
      open = true;
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      open = true;
    } else if (/\s/.test(character)) {
      if (open) found.push(word);
      word = "";
      open = false;
    } else {
      word += character;
      open = true;
    }
  }
  if (open) found.push(word);
  return found;
}

/** The inverse of `words` for one word. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,{}#-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A parameter's name as people write: `OutputName` is `Output name`. */
export function spoken(name: string): string {
  const apart = name.replace(
    /([a-z\d])([A-Z])(?=[a-z])/g,
    (_, end: string, start: string) => `${end} ${start.toLowerCase()}`,
  );
  return apart.replaceAll("_", " ");
}
