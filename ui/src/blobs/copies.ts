import type { ShareView } from "~/bridge";
import type { Grid } from "~/state";
import { format, isolate, m, plain } from "~/text";
import { SHARE_KEY, step, told, wish } from "./deeds";

/** Most machines that can be asked to keep a share, its owner counted. */
export const MOST_COPIES = 32;

/** On how many machines each file of a share is to be, its owner counted. */
export function wantedCopies({ copies }: ShareView): number {
  return copies?.wanted ?? 1;
}

/** `2 of 3 copies`; empty where others are to keep none. */
export function copiesWords({ copies }: ShareView): string {
  if (copies == null) return "";
  return m.files_copies({ whole: format.number(copies.whole), wanted: format.number(copies.wanted) });
}

/** Where they are, what is on its way, and why there are not more: `mill and quarry · 1 on the way`. */
export function copiesLine({ copies }: ShareView): string {
  if (copies == null) return "";
  const { places, on_the_way, note } = copies;
  return [
    format.some(
      places.map(({ name }) => name),
      4,
    ),
    on_the_way > 0 ? m.files_copies_coming({ n: format.number(on_the_way) }) : "",
    plain(note),
  ]
    .filter(part => part !== "")
    .join(" · ");
}

/** Has so many machines keep each file of a share of this machine, as a step that can be taken back. */
export async function replicate(grid: Grid, share: ShareView, copies: number): Promise<void> {
  const before = wantedCopies(share);
  const { name } = share;
  const keep = (copies: number): Promise<unknown> => wish(grid, SHARE_KEY, { ask: "share_replicate", name, copies });
  await told(grid, async () => {
    await keep(copies);
    step(grid, m.files_copies_set({ name: isolate(name), machines: format.machines(copies) }), {
      undo: () => keep(before),
      redo: () => keep(copies),
    });
  });
}
