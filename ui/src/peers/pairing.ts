import { Refusal, type PairingView } from "~/bridge";
import type { Grid } from "~/state";
import { asSentence, isolate, m, problem } from "~/text";

/** Names a pairing also beyond this run of the node, which counts anew each time. */
export function pairingKey({ id, since }: PairingView): string {
  return `${id} ${since}`;
}

export function isUnderWay({ state }: PairingView): boolean {
  return state === "reaching" || state === "waiting";
}

/** True while another machine waits for a person here. */
export function asksHere({ side, state }: PairingView): boolean {
  return side === "host" && state === "waiting";
}

/** This machine's own wish to be let in elsewhere. */
export function ownWish(grid: Grid): PairingView | undefined {
  return grid.pairings.find(pairing => pairing.side === "guest" && isUnderWay(pairing));
}

/** Lets a machine in or not; where this machine asks, `false` gives that up. How it ends is told like everything else. */
export async function answer(grid: Grid, pairing: PairingView, approve: boolean): Promise<void> {
  try {
    const request = { ask: "pair_answer", pairing: `${pairing.id}`, approve } as const;
    await grid.wishes.make(answerKey(pairing), request);
  } catch (thrown) {
    const refusal = Refusal.from(thrown);
    // Somebody was quicker, or its time was over: that is told already.
    if (refusal.code === "unknown_pairing") return;
    const { sentence, details } = problem(refusal);
    grid.toasts.problem(sentence, details);
  }
}

export function answerKey(pairing: PairingView): string {
  return `pair_answer ${pairingKey(pairing)}`;
}

/** Tells how a pairing ended, in every window of this machine. */
export function tellEnd({ toasts }: Grid, pairing: PairingView): void {
  const name = isolate(pairing.machine);
  if (pairing.state === "joined") {
    toasts.done(pairing.side === "host" ? m.pair_has_joined({ name }) : m.pair_this_joined({ name }));
  } else if (pairing.side === "guest") {
    if (pairing.state !== "cancelled") toasts.problem(m.pair_this_not({ name }), asSentence(pairing.sentence));
  } else {
    const said = endOf(pairing);
    if (pairing.state === "rejected" || pairing.state === "cancelled") toasts.done(said);
    else toasts.problem(said);
  }
}

/** How it ended for a machine that asked here. */
export function endOf(pairing: PairingView): string {
  const name = isolate(pairing.machine);
  switch (pairing.state) {
    case "reaching":
    case "waiting":
      return m.pair_wants({ name });
    case "joined":
      return m.pair_has_joined({ name });
    case "rejected":
      return m.pair_not_let_in({ name });
    case "timed_out":
      return m.pair_nobody_answered({ name });
    case "cancelled":
      return m.pair_went({ name });
    case "failed":
      return m.pair_failed({ name });
  }
}
