import type { Drafts } from "./drafts.svelte";

/** How long a closed sheet can be opened again as it was (ui-spec §5). */
const KEPT_MS = 10 * 60_000;

let kept: Drafts | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The last sheet that was closed without starting. */
export const drawer = {
  keep(drafts: Drafts): void {
    clearTimeout(timer);
    kept = drafts;
    timer = setTimeout(() => (kept = null), KEPT_MS);
  },

  take(): Drafts | null {
    clearTimeout(timer);
    const drafts = kept;
    kept = null;
    return drafts;
  },
};
