import Activity from "@lucide/svelte/icons/activity";
import Stethoscope from "@lucide/svelte/icons/stethoscope";
import Folder from "@lucide/svelte/icons/folder";
import Layers from "@lucide/svelte/icons/layers";
import Monitor from "@lucide/svelte/icons/monitor";
import Waypoints from "@lucide/svelte/icons/waypoints";
import Settings from "@lucide/svelte/icons/settings-2";
import Flag from "@lucide/svelte/icons/flag";
import type { Component } from "svelte";

import { m } from "~/text";
import type { ViewId } from "./routes";

export interface View {
  title: () => string;
  icon: Component;
  /** Its digit; screens without one are reached through others and the palette. */
  key?: string;
  load: () => Promise<{ default: Component }>;
}

/** Every screen. */
export const VIEWS: Record<ViewId, View> = {
  grid: { title: m.shell_grid, icon: Waypoints, key: "1", load: () => import("~/views/grid/GridView.svelte") },
  jobs: { title: m.shell_jobs, icon: Layers, key: "2", load: () => import("~/views/jobs/JobsView.svelte") },
  machines: {
    title: m.shell_machines,
    icon: Monitor,
    key: "3",
    load: () => import("~/views/machines/MachinesView.svelte"),
  },
  files: { title: m.shell_files, icon: Folder, key: "4", load: () => import("~/views/files/FilesView.svelte") },
  activity: {
    title: m.shell_activity,
    icon: Activity,
    key: "5",
    load: () => import("~/views/activity/ActivityView.svelte"),
  },
  settings: { title: m.shell_settings, icon: Settings, load: () => import("~/views/settings/SettingsView.svelte") },
  doctor: { title: m.shell_doctor, icon: Stethoscope, load: () => import("~/views/doctor/DoctorView.svelte") },
  welcome: { title: m.shell_firstrun, icon: Flag, load: () => import("~/views/firstrun/FirstRunView.svelte") },
};

/** The screens of the side bar, in order. */
export const SIDEBAR: readonly ViewId[] = ["grid", "jobs", "machines", "files", "activity"];
