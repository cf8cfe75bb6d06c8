import type { Component } from "svelte";

import type { Platform } from "~/bridge";
import { modals } from "~/parts/focus";
import { isCharacter, matches, type Pressed, type Shortcut } from "./keys";
import { Stack } from "./stack.svelte";

export type ActionGroup = "selection" | "do" | "go" | "jobs" | "machines" | "settings" | "help";

/** Something a person can do. Menus, palette and keys share this one list. */
export interface Action {
  /** Stable, unique: `job.hold`. */
  id: string;
  /** A verb: "Pause kitchen". */
  title: () => string;
  group: ActionGroup;
  /** Any of them. */
  keys?: Shortcut[];
  icon?: Component;
  /** More words under which the palette finds it. */
  also?: () => string;
  /** Why it cannot be done now; `null` when it can. It stays listed, with the reason. */
  blocked?: () => string | null;
  /** False where it makes no sense at all: then it is neither listed nor reached by its key. */
  when?: () => boolean;
  /** Works while a sheet or menu is open and in text fields, too. */
  always?: boolean;
  /** Only for its key: not listed in the palette. */
  silent?: boolean;
  run: () => void;
}

export class Actions {
  readonly #lists = new Stack<readonly Action[]>();

  /** Everything that can be done now; what was registered last comes first, because it belongs to what is in front. */
  readonly all: readonly Action[] = $derived(this.#lists.items.flat().filter(action => action.when?.() !== false));

  /** Adds actions until the returned function is called. In components use `useActions`. */
  register(actions: readonly Action[]): () => void {
    return this.#lists.put(actions);
  }

  /** The shortcut of an action, for buttons and tooltips. */
  keysOf(id: string): Shortcut | undefined {
    return this.all.find(action => action.id === id)?.keys?.[0];
  }

  run(id: string): void {
    const action = this.all.find(action => action.id === id);
    if (action !== undefined && isOpen(action)) action.run();
  }

  /** The action of a pressed key, if any. */
  pressed(pressed: Pressed, where: Where, os: Platform["os"]): Action | undefined {
    return this.all.find(action =>
      action.keys?.some(keys => reaches(keys, action, where) && matches(keys, pressed, os)),
    );
  }
}

/** What has the focus when a key is pressed. */
export interface Where {
  inText: boolean;
  inOverlay: boolean;
  /** What the person chose about plain characters. */
  letterKeys: boolean;
}

export function isOpen(action: Action): boolean {
  return (action.blocked?.() ?? null) === null;
}

function reaches(keys: Shortcut, action: Action, where: Where): boolean {
  if (isCharacter(keys) && (!where.letterKeys || where.inText)) return false;
  // Space, Enter and Ctrl Z belong to the text field, the menu or the sheet they are pressed in.
  return action.always === true || !(where.inOverlay || where.inText);
}

const OVERLAYS = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]';

/** Reads from the page what has the focus. */
export function whereOf(target: EventTarget | null, letterKeys: boolean): Where {
  const element = target !== null && "closest" in target ? (target as Element) : null;
  const inText =
    element?.matches(
      'input:not([type="checkbox"], [type="radio"], [type="range"]), select, textarea, [contenteditable]',
    ) ?? false;
  const inOverlay = element !== null && (element.closest(OVERLAYS) !== null || modals().length > 0);
  return { inText, inOverlay, letterKeys };
}
