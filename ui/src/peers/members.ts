import { Refusal, type GovernedView, type MembersView, type PeerId, type ProposalView, type Request } from "~/bridge";
import type { Grid } from "~/state";
import { asSentence, isolate, m, problem } from "~/text";

/** True if this machine may let others in, revoke them and change roles. */
export function isAdmin(members: MembersView | null): boolean {
  return members?.members.some(each => each.this && each.roles.includes("admin")) ?? false;
}

/** Why this machine changes nothing of the members now. */
export function whyNot(grid: Grid): string | null {
  if (grid.stale) return m.shell_unavailable_stale();
  return isAdmin(grid.members) ? null : m.machine_only_admins();
}

/** What waits for a word of this machine: what other admins want, where this one is an admin too. */
export function asksAdmin({ members, thisMachine }: Pick<Grid, "members" | "thisMachine">): ProposalView[] {
  if (!isAdmin(members)) return [];
  return members?.proposals.filter(({ by }) => by !== thisMachine?.id) ?? [];
}

/** Names a proposal; another admin may want the same, and is another one. */
export function proposalKey({ by, what, machine }: ProposalView): string {
  return `proposal ${by} ${what} ${machine ?? ""}`;
}

/** `ana-laptop wants lab-mini to be an admin.` */
export function proposalSentence(grid: Grid, proposal: ProposalView): string {
  const by = isolate(memberName(grid, proposal.by));
  const name = isolate(proposal.machine === null ? "" : memberName(grid, proposal.machine));
  switch (proposal.what) {
    case "admin":
      return m.members_wants_admin({ by, name });
    case "no_admin":
      return m.members_wants_no_admin({ by, name });
    case "revoke":
      return m.members_wants_revoke({ by, name });
    case "recovery":
      return m.members_wants_recovery({ by });
  }
}

/** What holds once a second admin agrees, which people are told before they do. */
export function proposalMeans({ what }: ProposalView): string {
  switch (what) {
    case "admin":
      return m.machine_role_admin_given();
    case "no_admin":
      return m.machine_role_admin_taken();
    case "revoke":
      return m.members_revoke_means();
    case "recovery":
      return m.members_recovery_means();
  }
}

/** Says yes to what another admin wants: by wanting the same. */
export async function agree(grid: Grid, proposal: ProposalView): Promise<boolean> {
  return govern(grid, proposalKey(proposal), wishOf(proposal), m.members_agreed());
}

function wishOf({ what, machine }: ProposalView): Governing {
  const of = machine ?? "";
  switch (what) {
    case "admin":
      return { ask: "role", machine: of, give: ["admin"] };
    case "no_admin":
      return { ask: "role", machine: of, take: ["admin"] };
    case "revoke":
      return { ask: "revoke", machine: of };
    case "recovery":
      return { ask: "recover_confirm" };
  }
}

export type Governing = Extract<Request, { ask: "role" | "revoke" | "recover_confirm" | "recover" }>;

/**
 * Changes something of the members and tells how that went, unless the caller says what is `done`; true if it holds now, and
 * not only with another admin.
 */
export async function govern(grid: Grid, key: string, wish: Governing, done: string | null): Promise<boolean> {
  try {
    const { in_effect, sentence }: GovernedView = await grid.wishes.make(key, wish);
    if (!in_effect) grid.toasts.problem(m.machine_needs_another_admin(), asSentence(sentence));
    else if (done !== null) grid.toasts.done(done);
    return in_effect;
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
    return false;
  }
}

export function memberName(grid: Grid, id: PeerId): string {
  const of = (list: readonly { id: PeerId; name: string }[] | undefined): string | undefined =>
    list?.find(each => each.id === id)?.name;
  return grid.machine(id)?.name ?? of(grid.members?.members) ?? of(grid.members?.revoked) ?? id.slice(0, 8);
}
