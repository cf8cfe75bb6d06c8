import type { Component } from "svelte";

/** One entry of a menu. */
export interface MenuItem {
  /** Unique in its menu. */
  id: string;
  label: string;
  icon?: Component | undefined;
  /** Keys that do the same, as they are written on a keyboard. */
  keys?: string[] | undefined;
  /** Why it cannot be chosen now; shown under the label. */
  blocked?: string | null;
  danger?: boolean;
  /** For a choice among several: whether it is the chosen one. */
  checked?: boolean;
  /** A line above it: it begins another kind of entries. */
  apart?: boolean;
  run: () => void;
}
