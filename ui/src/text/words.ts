import type { JobState, LinkPolicy, LinkState, MachineState, TaskState } from "~/bridge";
import { m } from "./paraglide/messages.js";

export function machineState(state: MachineState): string {
  switch (state) {
    case "ready":
      return m.machine_state_ready();
    case "working":
      return m.machine_state_working();
    case "in_use":
      return m.machine_state_in_use();
    case "paused":
      return m.machine_state_paused();
    case "offline":
      return m.machine_state_offline();
    case "problem":
      return m.machine_state_problem();
  }
}

export function jobState(state: JobState): string {
  switch (state) {
    case "waiting":
      return m.job_state_waiting();
    case "held":
      return m.job_state_held();
    case "running":
      return m.job_state_running();
    case "done":
      return m.job_state_done();
    case "failed":
      return m.job_state_failed();
    case "cancelled":
      return m.job_state_cancelled();
  }
}

export function taskState(state: TaskState): string {
  switch (state) {
    case "waiting":
      return m.task_state_waiting();
    case "held":
      return m.task_state_held();
    case "ready":
      return m.task_state_ready();
    case "leased":
      return m.task_state_leased();
    case "running":
      return m.task_state_running();
    case "frozen":
      return m.task_state_frozen();
    case "done":
      return m.task_state_done();
    case "failed":
      return m.task_state_failed();
    case "skipped":
      return m.task_state_skipped();
    case "cancelled":
      return m.task_state_cancelled();
    case "lost":
      return m.task_state_lost();
  }
}

export function linkState(state: LinkState): string {
  switch (state) {
    case "connecting":
      return m.link_state_connecting();
    case "up":
      return m.link_state_up();
    case "down":
      return m.link_state_down();
  }
}

export function linkPolicy(policy: LinkPolicy): string {
  switch (policy) {
    case "automatic":
      return m.grid_policy_automatic();
    case "pinned":
      return m.grid_policy_pinned();
    case "forbidden":
      return m.grid_policy_forbidden();
  }
}

/** What a file that a job reads is for. */
export function purpose(purpose: string): string {
  switch (purpose) {
    case "scene":
      return m.submit_purpose_scene();
    case "image":
      return m.submit_purpose_image();
    case "library":
      return m.submit_purpose_library();
    case "sound":
      return m.submit_purpose_sound();
    case "font":
      return m.submit_purpose_font();
    case "clip":
      return m.submit_purpose_clip();
    case "strip":
      return m.submit_purpose_strip();
    case "cache":
      return m.submit_purpose_cache();
    case "volume":
      return m.submit_purpose_volume();
    case "text":
      return m.submit_purpose_text();
    case "light":
      return m.submit_purpose_light();
    case "simulation":
      return m.submit_purpose_simulation();
    default:
      return m.submit_purpose_file();
  }
}
