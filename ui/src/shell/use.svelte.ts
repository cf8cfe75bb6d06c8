import { untrack } from "svelte";

import type { Action } from "./actions.svelte";
import { useShell } from "./context";

/** Offers actions while the component is there. What `list` reads is followed. Call it while the component is made. */
export function useActions(list: () => readonly Action[]): void {
  const { actions } = useShell();
  $effect(() => {
    const mine = list();
    return untrack(() => actions.register(mine));
  });
}

/** Gives the screen a title of its own. */
export function useTitle(title: () => string): void {
  const { chrome } = useShell();
  $effect(() => {
    const mine = title();
    return untrack(() => chrome.titles.put(mine));
  });
}
