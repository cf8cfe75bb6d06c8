import { Refusal, type LimitRequest, type LimitView } from "~/bridge";
import type { Grid } from "~/state";
import { format, isolate, m, problem } from "~/text";

/** The wish that changes a limit; buttons show it as pending under this key. */
export const LIMIT_KEY = "limit";

/** Who has licences, for which jobs: "render-01: 2 for kitchen"; empty where nobody has. */
export function limitHolders(grid: Pick<Grid, "job">, { holders }: Pick<LimitView, "holders">): string {
  return holders
    .map(({ name, job, count }) =>
      m.settings_limits_holder({
        name: isolate(name),
        n: format.number(count),
        job: isolate(grid.job(job)?.name ?? job.slice(0, 4)),
      }),
    )
    .join(" · ");
}

/** Changes a limit of this machine as a step that can be taken back; `before` is its cap, if there is one. */
export async function changeLimit(
  grid: Pick<Grid, "wishes" | "undo" | "toasts">,
  to: LimitRequest,
  before: number | null,
  tell: (limits: readonly LimitView[]) => void,
): Promise<boolean> {
  const wish = async (request: LimitRequest): Promise<void> =>
    tell(await grid.wishes.make(LIMIT_KEY, { ask: "limit", ...request }));
  const name = isolate(to.name ?? "");
  const label = to.cap === null ? m.settings_limits_removed({ name }) : m.settings_limits_changed({ name });
  try {
    await wish(to);
    grid.undo.push({ label, undo: () => wish({ ...to, cap: before }), redo: () => wish(to) });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void grid.undo.undo() });
    return true;
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
    return false;
  }
}
