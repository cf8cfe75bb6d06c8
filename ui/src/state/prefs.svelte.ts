/** What a person chose for this window. Kept in the browser's or the app's own storage, never sent anywhere. */
export interface PrefValues {
  theme: "system" | "dark" | "light" | "contrast";
  /** `null`: the system's language. */
  language: string | null;
  /** Single letters and digits as shortcuts (WCAG 2.1.4). */
  letterKeys: boolean;
  /** The link dots of the grid. */
  moveDots: boolean;
  inspectorOpen: boolean;
  jobStripOpen: boolean;
  lockLayout: boolean;
  welcomed: boolean;
}

export const DEFAULT_PREFS: PrefValues = {
  theme: "system",
  language: null,
  letterKeys: true,
  moveDots: true,
  inspectorOpen: false,
  jobStripOpen: true,
  lockLayout: false,
  welcomed: false,
};

/** The part of `Storage` that is needed; tests hand in a map. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const KEY = "gridwell.prefs.1";

export class Prefs {
  #values = $state<PrefValues>({ ...DEFAULT_PREFS });

  constructor(private readonly shelf: Shelf | null) {
    this.#values = read(shelf);
  }

  get<K extends keyof PrefValues>(name: K): PrefValues[K] {
    return this.#values[name];
  }

  set<K extends keyof PrefValues>(name: K, value: PrefValues[K]): void {
    this.#values[name] = value;
    try {
      this.shelf?.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // A full or forbidden storage loses the choice at the next start, nothing else.
    }
  }
}

/** Takes over only what has the right type: the storage may hold anything. */
function read(shelf: Shelf | null): PrefValues {
  const values: PrefValues = { ...DEFAULT_PREFS };
  let stored: unknown;
  try {
    stored = JSON.parse(shelf?.getItem(KEY) ?? "{}");
  } catch {
    return values;
  }
  if (typeof stored !== "object" || stored === null) return values;
  const kept = stored as Record<string, unknown>;
  for (const name of ["letterKeys", "moveDots", "inspectorOpen", "jobStripOpen", "lockLayout", "welcomed"] as const) {
    const value = kept[name];
    if (typeof value === "boolean") values[name] = value;
  }
  const theme = (["system", "dark", "light", "contrast"] as const).find(word => word === kept["theme"]);
  if (theme !== undefined) values.theme = theme;
  if (typeof kept["language"] === "string") values.language = kept["language"];
  return values;
}
