import { format, isolate, m } from "~/text";

/** What a dropped file becomes, as far as its name says. The node knows better once it has read it. */
export type DropKind = "render" | "film" | "script" | "other";

const KINDS: readonly [DropKind, readonly string[]][] = [
  ["render", ["blend", "pov", "gws"]],
  ["film", ["mp4", "mov", "mkv", "webm", "avi", "m4v", "mpg", "mpeg", "mxf"]],
  ["script", ["py", "sh", "bash"]],
];

export function dropKind(name: string): DropKind {
  const ending = /\.([^.]+)$/.exec(name.toLowerCase())?.[1] ?? "";
  return KINDS.find(([, endings]) => endings.includes(ending))?.[0] ?? "other";
}

/** True for one file or folder that says nothing of a job: a screen may make something else of it than a job. */
export function isUndecided(names: readonly string[]): boolean {
  const [only] = names;
  return names.length === 1 && only !== undefined && dropKind(only) === "other";
}

/** What will happen, one line, from the names of what hovers over the window; nothing is known before the drop in a browser. */
export function dropLine(names: readonly string[]): string {
  const [first] = names;
  if (first === undefined) return m.shell_drop_any();
  if (names.length > 1) return severalLine(names);
  const name = isolate(first);
  switch (dropKind(first)) {
    case "render":
      return m.shell_drop_render({ name });
    case "film":
      return m.shell_drop_convert({ name });
    case "script":
      return m.shell_drop_run({ name });
    case "other":
      return m.shell_drop_open({ name });
  }
}

function severalLine(names: readonly string[]): string {
  const kinds = new Set(names.map(dropKind));
  const count = { count: names.length, n: format.number(names.length) };
  const [only] = kinds;
  if (kinds.size === 1 && only === "render") return m.shell_drop_render_many(count);
  if (kinds.size === 1 && only === "film") return m.shell_drop_convert_many(count);
  return m.shell_drop_open_many({ files: format.files(names.length) });
}
