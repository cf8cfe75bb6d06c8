import type { HistoryView } from "~/bridge";

/** Cores that jobs held on all machines together; unknown where no machine was seen. */
export function lentTogether({ machines, tasks_done }: HistoryView): (number | null)[] {
  return tasks_done.map((_, at) =>
    machines.reduce<number | null>((sum, { lent_cpus }) => {
      const lent = lent_cpus[at] ?? null;
      return lent === null ? sum : (sum ?? 0) + lent;
    }, null),
  );
}
