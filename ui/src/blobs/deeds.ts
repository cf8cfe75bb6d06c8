import { Refusal, type AnswerTo, type Request, type ShareAddRequest, type ShareView } from "~/bridge";
import type { Grid } from "~/state";
import { isolate, m, problem } from "~/text";
import { changes } from "./changes.svelte";

/** Under these keys changes of what this machine shares, and of the mount, are pending. */
export const SHARE_KEY = "share";
export const MOUNT_KEY = "mount";

/** Shares a folder, as a step that can be taken back. Rejects with a `Refusal`, for the form that asked. */
export async function share(grid: Grid, request: ShareAddRequest): Promise<void> {
  const before = new Set((await grid.ask({ ask: "shares" })).map(({ id }) => id));
  const after = await wish(grid, SHARE_KEY, { ask: "share_add", ...request });
  const made = after.find(({ id }) => !before.has(id));
  const name = made?.name ?? request.name ?? "";
  step(grid, m.files_shared({ name: isolate(name) }), {
    undo: () => wish(grid, SHARE_KEY, { ask: "share_remove", name }),
    redo: () => wish(grid, SHARE_KEY, { ask: "share_add", ...request }),
  });
}

/** Shows a folder of this machine no more; what others keep of it stays with them. */
export async function stopSharing(grid: Grid, { name, path, to }: ShareView): Promise<void> {
  const remove = (): Promise<unknown> => wish(grid, SHARE_KEY, { ask: "share_remove", name });
  const add = (): Promise<unknown> => wish(grid, SHARE_KEY, { ask: "share_add", path: path ?? "", name, to: [...to] });
  await told(grid, async () => {
    await remove();
    step(grid, m.files_not_shared({ name: isolate(name) }), { undo: add, redo: remove });
  });
}

/** Shows the tree as a folder. Rejects with a `Refusal`, for the form that asked. */
export async function mount(grid: Grid, dir: string): Promise<void> {
  await wish(grid, MOUNT_KEY, { ask: "mount", dir });
}

export function unmount(grid: Grid): Promise<void> {
  return told(grid, () => wish(grid, MOUNT_KEY, { ask: "unmount" }));
}

/** Does something of which a problem is told where every screen tells it. */
export async function told(grid: Grid, deed: () => Promise<unknown>): Promise<void> {
  try {
    await deed();
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
  }
}

/** Says what was done, with a way back. */
export function step(
  grid: Grid,
  label: string,
  ways: { undo: () => Promise<unknown>; redo: () => Promise<unknown> },
): void {
  grid.undo.push({
    label,
    undo: async () => void (await ways.undo()),
    redo: async () => void (await ways.redo()),
  });
  grid.toasts.done(label, { label: m.common_undo(), run: () => void told(grid, () => grid.undo.undo()) });
}

/** Makes a wish after which whatever shows files asks anew. */
export async function wish<R extends Request>(grid: Grid, key: string, request: R): Promise<AnswerTo<R>> {
  const answer = await grid.wishes.make(key, request);
  changes.note();
  return answer;
}
