import type { Event, MemberView, MembersView, ProposalView, RoleRequest, Snapshot } from "~/bridge";
import type { Replies } from "./bridge";
import { LAB_NOW, peerId } from "./fixtures";

const HOUR_MS = 3_600_000;
/** The words of the lab: of no grid. */
export const LAB_WORDS =
  "amber birch cedar delta ember fjord grove heron inlet jetty kayak lotus mango north ocean pearl quilt raven slate tulip umber viola willow zebra";

/** Who belongs to the lab's grid: as a node answers, where this machine is an admin unless told otherwise. */
export function memberReplies(
  { machines }: Snapshot,
  { admin, waiting }: { admin: boolean; waiting: boolean },
  tell: (body: Omit<Event, "seq">) => void,
): Replies {
  let view: MembersView = {
    grid: "daaaaaaaaaaaaaaaaaaaaaaaaa",
    members: machines.map((machine, at) => ({
      id: machine.id,
      name: machine.name,
      this: machine.this,
      roles: (machine.this && admin) || at === 1 ? ["run", "files", "links", "admin"] : ["run", "files"],
      guest: at === 3,
      until: LAB_NOW + 7 * HOUR_MS,
      expired: false,
      since: LAB_NOW - 24 * HOUR_MS * (at + 1),
    })),
    revoked: [{ id: peerId("stolen-laptop"), name: "stolen-laptop", by: "render-01", at: LAB_NOW - 50 * HOUR_MS }],
    proposals: waiting ? PROPOSALS : [],
    recovery: true,
  };
  const change = (next: Partial<MembersView>): void => {
    view = { ...view, ...next };
    tell({ event: "members_changed", data: view } as Omit<Event, "seq">);
  };
  /** What another admin wants holds as soon as this one wants it, too. */
  const agreed = (what: ProposalView["what"], machine: string | null): boolean => {
    const rest = view.proposals.filter(proposal => proposal.what !== what || proposal.machine !== machine);
    if (rest.length === view.proposals.length) return false;
    change({ proposals: rest });
    return true;
  };
  const done = { in_effect: true, sentence: "done" };
  return {
    members: () => view,
    role: ({ machine, give = [], take = [] }) => {
      // A second admin has to say yes to one more.
      if (give.includes("admin") && !agreed("admin", machine))
        return { in_effect: false, sentence: "another admin confirms it with: gridwell role" };
      change({ members: view.members.map(each => (each.id === machine ? changed(each, { give, take }) : each)) });
      return done;
    },
    revoke: ({ machine }) => {
      agreed("revoke", machine);
      change({ members: view.members.filter(member => member.id !== machine) });
      return done;
    },
    invite: () => ({ link: "gridwell://join/daaaaaaaaaaaaaaa", expires: LAB_NOW + HOUR_MS }),
    recover_set: () => ({ words: LAB_WORDS, in_effect: true, sentence: "these words recover the grid from now on" }),
    recover_confirm: () => (agreed("recovery", null), done),
    recover: () => {
      change({ members: view.members.map(each => (each.this ? changed(each, { give: ["admin"] }) : each)) });
      return done;
    },
  };
}

/** What render-01, an admin too, wants. */
const PROPOSALS: ProposalView[] = (
  [
    ["admin", "studio-nas"],
    ["recovery", null],
  ] as const
).map(([what, name]) => ({
  by: peerId("render-01"),
  what,
  machine: name === null ? null : peerId(name),
  sentence: "",
  confirm: "gridwell members",
}));

function changed(member: MemberView, { give = [], take = [] }: Pick<RoleRequest, "give" | "take">): MemberView {
  return { ...member, roles: [...member.roles.filter(role => !take.includes(role) && !give.includes(role)), ...give] };
}
