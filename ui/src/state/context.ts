import { createContext } from "svelte";

import type { Grid } from "./grid.svelte";
import type { Prefs } from "./prefs.svelte";
import type { Selection } from "./selection.svelte";

/** What every component can reach: made once in `main.ts`, or by a page of the lab. */
export interface App {
  grid: Grid;
  prefs: Prefs;
  selection: Selection;
}

const [read, provide] = createContext<App>();

export const provideApp = provide;
export const useApp = read;

export function useGrid(): Grid {
  return read().grid;
}

export function usePrefs(): Prefs {
  return read().prefs;
}

export function useSelection(): Selection {
  return read().selection;
}
