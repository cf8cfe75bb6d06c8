/** Screens, by the word in the address. */
export const VIEW_IDS = ["grid", "jobs", "machines", "files", "activity", "settings", "doctor", "welcome"] as const;
export type ViewId = (typeof VIEW_IDS)[number];

/** Where the window is: a screen, and what of it. `["jobs", ID, "logs"]` is the log of a job. */
export interface Route {
  view: ViewId;
  path: readonly string[];
}

export const HOME: Route = { view: "grid", path: [] };

/** Reads `#/jobs/abcd/logs`; an unknown screen is the first one. */
export function parseRoute(hash: string): Route {
  const [word = "", ...path] = hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter(part => part !== "")
    .map(decode);
  const view = VIEW_IDS.find(id => id === word);
  return view === undefined ? HOME : { view, path };
}

export function hrefOf(view: ViewId, ...path: string[]): string {
  return `#/${[view, ...path.map(encodeURIComponent)].join("/")}`;
}

export function sameRoute(a: Route, b: Route): boolean {
  return a.view === b.view && a.path.length === b.path.length && a.path.every((part, at) => part === b.path[at]);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
