import type { Refusal, Stamp } from "~/bridge";

/** How the window stands with its node. Each state carries exactly what it needs. */
export type Connection =
  | { state: "starting" }
  | { state: "live" }
  /** The node was there; what is shown is from `since`. */
  | { state: "reconnecting"; since: Stamp }
  /** Nobody answers; `since` is when data was last heard, if ever. */
  | { state: "not_running"; since: Stamp | null }
  /** The node speaks another version of the protocol. */
  | { state: "other_version"; since: Stamp | null }
  /** The node does not know this window: the token is missing, used or wrong. */
  | { state: "not_admitted" };

export type ConnectionFact =
  /** Events or a snapshot came. */
  | { fact: "heard" }
  /** The events ended, or could not be begun. */
  | { fact: "lost"; refusal: Refusal; at: Stamp }
  /** A question after the loss was not answered. */
  | { fact: "unanswered"; refusal: Refusal };

export function nextConnection(now: Connection, fact: ConnectionFact): Connection {
  switch (fact.fact) {
    case "heard":
      return now.state === "live" ? now : { state: "live" };
    case "lost": {
      const refused = refusedFor(now, fact.refusal);
      if (refused !== null) return refused;
      return now.state === "live" ? { state: "reconnecting", since: fact.at } : now;
    }
    case "unanswered":
      if (now.state === "live") return now;
      // A refusal of another kind comes from a node that runs.
      if (!fact.refusal.unanswered) return refusedFor(now, fact.refusal) ?? now;
      return { state: "not_running", since: sinceOf(now) };
  }
}

function refusedFor(now: Connection, refusal: Refusal): Connection | null {
  if (refusal.code === "other_version") return { state: "other_version", since: sinceOf(now) };
  if (refusal.code === "unauthorised" || refusal.code === "forbidden") return { state: "not_admitted" };
  return null;
}

function sinceOf(connection: Connection): Stamp | null {
  return "since" in connection ? connection.since : null;
}

/** True while what is shown may be old. */
export function isStale(connection: Connection): boolean {
  return connection.state !== "live";
}

/** The first try comes at once after a hiccup; a node that is away is asked at most every 5 s, which costs nothing. */
const WAITS_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const;

/** How long to wait before the try after `failures` failed ones. */
export function waitMs(failures: number): number {
  return WAITS_MS[Math.min(failures, WAITS_MS.length - 1)] ?? 5_000;
}
