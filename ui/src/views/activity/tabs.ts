/** The parts of the screen; one time range holds for all of them. */
export const ACTIVITY_TABS = ["timeline", "events", "logs"] as const;
export type ActivityTab = (typeof ACTIVITY_TABS)[number];
