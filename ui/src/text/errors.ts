import type { ErrorCode, Refusal } from "~/bridge";
import { plain } from "./names";
import { m } from "./paraglide/messages.js";

/** An error for people. */
export interface Problem {
  /** What is wrong, one sentence. */
  sentence: string;
  /** What was tried, naming the thing, and what to do next, as the node says it; may be empty. */
  details: string;
}

export function problem(refusal: Refusal): Problem {
  const said = [refusal.message, refusal.help].filter(text => text !== "").map(asSentence);
  return { sentence: sentence(refusal.code), details: said.join(" ") };
}

/** For the clipboard: everything someone who helps needs. */
export function report(refusal: Refusal): string {
  return [`${refusal.code} (${refusal.kind})`, refusal.message, refusal.help].filter(text => text !== "").join("\n");
}

/** The node's messages begin small and end without a point, so that programs can put them anywhere: for people. */
export function asSentence(text: string): string {
  const line = plain(text);
  const first = line.charAt(0).toUpperCase() + line.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

function sentence(code: ErrorCode): string {
  const said = SENTENCES[code] as (() => string) | undefined;
  return (said ?? m.error_unknown)();
}

const SENTENCES: Record<ErrorCode, () => string> = {
  bad_request: m.error_bad_request,
  bad_reference: m.error_bad_reference,
  missing_file: m.error_missing_file,
  unreadable: m.error_unreadable,
  not_utf8: m.error_not_utf8,
  unknown_file: m.error_unknown_file,
  not_a_blend: m.error_not_a_blend,
  damaged_blend: m.error_damaged_blend,
  template_refused: m.error_template_refused,
  unknown_parameter: m.error_unknown_parameter,
  bad_parameter: m.error_bad_parameter,
  bad_range: m.error_bad_range,
  empty_range: m.error_empty_range,
  range_too_large: m.error_range_too_large,
  too_large: m.error_too_large,
  output_not_writable: m.error_output_not_writable,
  disk_full: m.error_disk_full,
  duplicate_name: m.error_duplicate_name,
  bad_requirement: m.error_bad_requirement,
  bad_value: m.error_bad_value,
  unknown_job: m.error_unknown_job,
  ambiguous_job: m.error_ambiguous_job,
  unknown_task: m.error_unknown_task,
  unknown_machine: m.error_unknown_machine,
  ambiguous_machine: m.error_ambiguous_machine,
  wrong_state: m.error_wrong_state,
  no_logs: m.error_no_logs,
  file_changed: m.error_file_changed,
  link_changed: m.error_link_changed,
  would_cut_off: m.error_would_cut_off,
  not_a_picture: m.error_not_a_picture,
  invite_malformed: m.error_invite_malformed,
  invite_used: m.error_invite_used,
  invite_expired: m.error_invite_expired,
  invite_tampered: m.error_invite_tampered,
  code_malformed: m.error_code_malformed,
  code_wrong: m.error_code_wrong,
  no_invitation: m.error_no_invitation,
  too_many_guesses: m.error_too_many_guesses,
  unknown_pairing: m.error_unknown_pairing,
  pairing_rejected: m.error_pairing_rejected,
  pairing_timed_out: m.error_pairing_timed_out,
  pairing_cancelled: m.error_pairing_cancelled,
  other_grid: m.error_other_grid,
  already_member: m.error_already_member,
  other_version: m.error_other_version,
  peer_unreachable: m.error_peer_unreachable,
  not_found: m.error_not_found,
  not_allowed: m.error_not_allowed,
  unauthorised: m.error_unauthorised,
  forbidden: m.error_forbidden,
  busy: m.error_busy,
  no_node: m.error_no_node,
  stopping: m.error_stopping,
  already_running: m.error_already_running,
  data_folder: m.error_data_folder,
  listen_failed: m.error_listen_failed,
  storage: m.error_storage,
  internal: m.error_internal,
  unknown: m.error_unknown,
};
