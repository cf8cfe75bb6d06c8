/** The parts of the job screen, as they stand in the address. */
export const JOB_PANELS = ["overview", "tasks", "logs", "results", "timeline", "why"] as const;
export type JobPanel = (typeof JOB_PANELS)[number];

export function panelOf(word: string | undefined): JobPanel {
  return JOB_PANELS.find(panel => panel === word) ?? "overview";
}
