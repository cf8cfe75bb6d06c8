import type { ErrorCode } from "~/bridge";
import { m } from "~/text";

/** What a person at a window does next; the node's own words are for those who type commands. */
const NEXT: Partial<Record<ErrorCode, () => string>> = {
  bad_request: m.pair_next_address,
  code_malformed: m.pair_next_type_again,
  invite_malformed: m.pair_next_copy_again,
  invite_tampered: m.pair_next_copy_again,
  code_wrong: m.pair_next_new_code,
  invite_used: m.pair_next_new_code,
  invite_expired: m.pair_next_new_code,
  no_invitation: m.pair_next_new_code,
  other_grid: m.pair_next_new_code,
  pairing_rejected: m.pair_next_new_code,
  pairing_timed_out: m.pair_next_new_code,
  too_many_guesses: m.pair_next_wait,
  busy: m.pair_next_minute,
  already_member: m.pair_next_show_here,
  other_version: m.pair_next_version,
  peer_unreachable: m.pair_next_reach,
};

/** What to do after a pairing that failed with `code`; empty where the node's own words must do. */
export function nextStep(code: ErrorCode): string {
  return NEXT[code]?.() ?? "";
}
