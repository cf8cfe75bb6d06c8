import type { MenuItem } from "~/parts/menu";
import type { Action } from "./actions.svelte";

/** The entries of a menu as actions, so that the palette knows them. What is in front already needs no opening. */
export function asActions(items: readonly MenuItem[], title: (label: string) => string): Action[] {
  return items
    .filter(item => item.id !== "open")
    .map(item => ({
      id: `selection.${item.id}`,
      title: () => title(item.label),
      group: "selection",
      ...(item.icon === undefined ? {} : { icon: item.icon }),
      blocked: () => item.blocked ?? null,
      run: item.run,
    }));
}
