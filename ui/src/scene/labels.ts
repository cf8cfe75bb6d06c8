/** Text from other machines, made fit to be drawn: no endless names, no marks piled up, no reach beyond its line. */

import { isolate, m, plain } from "~/text";
import type { Detail } from "./detail";
import { LABEL_CHARS, LABEL_GAP, LABEL_HEIGHT, textWidth, type LabelSize } from "./geometry";
import type { Machine } from "./model";

/** A letter with more marks than any language stacks would spill over its neighbours. */
const MARKS = /(\p{M}{4})\p{M}+/gu;
/** What most names are: nothing to look at more closely. */
const ORDINARY = /^[ -~·]*$/;

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Returns at most `max` letters of `text`, ending in "…" if something is left out. */
export function shortened(text: string, max: number = LABEL_CHARS): string {
  if (text.length <= max && ORDINARY.test(text)) return text;
  const clean = plain(text).replace(MARKS, "$1");
  const letters = [...segmenter.segment(clean)].map(part => part.segment);
  return letters.length <= max
    ? clean
    : `${letters
        .slice(0, max - 1)
        .join("")
        .trimEnd()}…`;
}

/** The three lines under a machine. */
export interface Label {
  readonly name: string;
  readonly hardware: string;
  readonly status: string;
  /** All three lines, as they are drawn at zoom 1. */
  readonly size: LabelSize;
}

const NAME_SIZE = 13;
const LINE_SIZE = 11;
export const NO_LABEL: LabelSize = { width: 0, height: 0 };
/** Lines are smaller than names, so more of them fits; a state comes with its reason. */
const LINE_CHARS = 30;
const STATUS_CHARS = 42;

/** Returns a name as it is drawn; a machine without one is called so. */
export function shownName(name: string): string {
  return shortened(name.trim()) || m.scene_unnamed();
}

const labels = new WeakMap<Machine, Label>();

/** Returns what is written under a machine; the same machine gives the same value. */
export function labelOf(machine: Machine): Label {
  let label = labels.get(machine);
  if (label === undefined) {
    const [name, hardware, status] = [
      shownName(machine.name),
      shortened(machine.hardware, LINE_CHARS),
      shortened(machine.status, STATUS_CHARS),
    ];
    const widths = [textWidth(name, NAME_SIZE), textWidth(hardware, LINE_SIZE), textWidth(status, LINE_SIZE)];
    label = {
      name: isolate(name),
      hardware: isolate(hardware),
      status: isolate(status),
      size: { width: Math.max(...widths), height: LABEL_HEIGHT - LABEL_GAP },
    };
    labels.set(machine, label);
  }
  return label;
}

/** Returns how much room the text under a machine takes, with names and text of these sizes. */
export function labelSize(machine: Machine, detail: Detail, nameSize = NAME_SIZE, textScale = 1): LabelSize {
  if (detail === "shapes") return NO_LABEL;
  const { name, size } = labelOf(machine);
  const own = { width: textWidth(name, nameSize), height: nameSize + 4 };
  if (detail === "names") return own;
  const grown = nameSize - NAME_SIZE + (textScale - 1) * 2 * LINE_SIZE;
  return { width: Math.max(own.width, size.width * textScale), height: size.height + grown };
}
