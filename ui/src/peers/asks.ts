import { Refusal, type LinkAskView, type PeerId } from "~/bridge";
import { everyHalfMinute, type Grid } from "~/state";
import { format, isolate, m, problem } from "~/text";
import { pairId } from "./links";

/** What waits for a word of this machine's owner, who may think again about a no. */
export function asksOwner({ asks, thisMachine }: Pick<Grid, "asks" | "thisMachine">): LinkAskView[] {
  return asks.filter(({ peer, state }) => peer === thisMachine?.id && state === "waiting");
}

export function askKey({ from, peer }: Pick<LinkAskView, "from" | "peer">): string {
  return `ask ${from} ${peer}`;
}

/** The ask about a link, whoever made it. */
export function askOf(grid: Grid, one: PeerId, other: PeerId): LinkAskView | undefined {
  return grid.asked(one, other) ?? grid.asked(other, one);
}

/** Links about which somebody is asked and has not said anything yet. */
export function undecided(asks: readonly LinkAskView[]): ReadonlySet<string> {
  const open = asks.filter(({ state }) => state !== "declined");
  return new Set(open.map(({ from, peer }) => pairId(from, peer)));
}

/** How far an ask is, for whoever looks at the link. */
export function askSentence(grid: Pick<Grid, "thisMachine">, ask: LinkAskView): string {
  const isOurs = ask.from === grid.thisMachine?.id;
  const name = isolate(isOurs ? ask.name : ask.from_name);
  if (!isOurs) return ask.state === "declined" ? m.grid_ask_refused({ name }) : m.grid_ask_here({ name });
  switch (ask.state) {
    case "sending":
      return m.grid_ask_sending({ name });
    case "waiting":
      return m.grid_ask_waiting({ name });
    case "allowed":
      return m.grid_ask_allowed({ name });
    case "declined":
      return m.grid_ask_declined({ name });
  }
}

/** Until when it waits; nothing while it has not arrived, or once it was answered. */
export function askUntil({ state, until }: LinkAskView): string {
  if (until === null || state !== "waiting") return "";
  return m.grid_ask_until({ time: format.when(until, everyHalfMinute.ms) });
}

/** Says yes or no to what another owner asks, and to all that it asks later where that is meant. */
export async function answerAsk(grid: Grid, ask: LinkAskView, allow: boolean, always = false): Promise<void> {
  await tellProblems(grid, () =>
    grid.wishes.make(askKey(ask), { ask: "link_answer", machine: ask.from, allow, always }),
  );
}

/** Asks no more: the link is as before. */
export async function takeAskBack(grid: Grid, { from, peer }: LinkAskView): Promise<void> {
  await tellProblems(grid, () =>
    grid.wishes.make(askKey({ from, peer }), { ask: "link", from, to: peer, policy: "automatic" }),
  );
}

async function tellProblems(grid: Grid, wish: () => Promise<unknown>): Promise<void> {
  try {
    await wish();
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
  }
}
