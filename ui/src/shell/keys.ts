import type { Platform } from "~/bridge";

/**
 * A shortcut in words: modifiers, then a key as `KeyboardEvent.key` has it. `Mod` is ⌘ on macOS and Ctrl elsewhere.
 * Examples: `Mod+K`, `Mod+Shift+Z`, `?`, `Shift+K`, `F6`, `Space`.
 */
export type Shortcut = string;

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  /** The key by its place; with Alt, macOS writes another character than the key's own. */
  code?: string;
}

/** True if `pressed` is the shortcut on this system. */
export function matches(shortcut: Shortcut, pressed: Pressed, os: Platform["os"]): boolean {
  const { modifiers, key } = parse(shortcut);
  const mod = os === "macos" ? pressed.metaKey : pressed.ctrlKey;
  const other = os === "macos" ? pressed.ctrlKey : pressed.metaKey;
  if (other || mod !== modifiers.has("Mod") || pressed.altKey !== modifiers.has("Alt")) return false;
  const typed = pressed.key === " " ? "Space" : pressed.altKey ? letterAt(pressed) : pressed.key;
  // A sign such as `?` needs Shift on some keyboards and not on others: the sign alone counts.
  const isSign = key.length === 1 && !/[a-z]/i.test(key);
  if (!isSign && pressed.shiftKey !== modifiers.has("Shift")) return false;
  return typed.toLowerCase() === key.toLowerCase();
}

function letterAt({ code = "", key }: Pressed): string {
  return code.startsWith("Key") ? code.slice(3) : key;
}

/** True for a shortcut that a person may switch off because it is a plain character (WCAG 2.1.4). */
export function isCharacter(shortcut: Shortcut): boolean {
  const { modifiers, key } = parse(shortcut);
  return key.length === 1 && !modifiers.has("Mod") && !modifiers.has("Alt");
}

const WORDS: Record<Platform["os"], Record<string, string>> = {
  macos: { Mod: "⌘", Shift: "⇧", Alt: "⌥", Enter: "↩", Delete: "⌫", Escape: "esc", Space: "space" },
  linux: { Mod: "Ctrl", Delete: "Del", Escape: "Esc" },
  windows: { Mod: "Ctrl", Delete: "Del", Escape: "Esc" },
};

/** The shortcut's keys as they are written on a keyboard: `["Ctrl", "K"]`. */
export function caps(shortcut: Shortcut, os: Platform["os"]): string[] {
  return split(shortcut).map(part => WORDS[os][part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** As `aria-keyshortcuts` wants it. */
export function ariaKeys(shortcut: Shortcut, os: Platform["os"]): string {
  return split(shortcut)
    .map(part => (part === "Mod" ? (os === "macos" ? "Meta" : "Control") : part))
    .join("+");
}

function parse(shortcut: Shortcut): { modifiers: Set<string>; key: string } {
  const parts = split(shortcut);
  return { modifiers: new Set(parts.slice(0, -1)), key: parts.at(-1) ?? "" };
}

/** `+` itself can be a key. */
function split(shortcut: Shortcut): string[] {
  return shortcut === "+"
    ? ["+"]
    : shortcut.endsWith("++")
      ? [...shortcut.slice(0, -2).split("+"), "+"]
      : shortcut.split("+");
}
