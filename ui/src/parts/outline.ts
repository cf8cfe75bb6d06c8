import type { Component } from "svelte";

import Outline from "./Outline.svelte";

/** An icon that draws a path: what `@lucide/svelte/icons/…` is here, see `scripts/icons.mjs`. */
export function outline(d: string): Component<{ size?: number; strokeWidth?: number }> {
  // What its user says is asked for each time: it may change.
  return (anchor, props) => Outline(anchor, Object.create(props, { d: { value: d } }) as typeof props & { d: string });
}
