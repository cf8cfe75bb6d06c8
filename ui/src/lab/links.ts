import {
  Refusal,
  type AlwaysView,
  type Event,
  type LinkAnswerRequest,
  type LinkAsksView,
  type LinkChangeView,
  type LinkHistoryView,
  type LinkLimitRequest,
  type LinkPolicy,
  type LinkRequest,
  type LinkUndoRequest,
  type LinkView,
  type PeerId,
} from "~/bridge";
import type { Grid } from "~/state";
import type { Replies } from "./bridge";
import { LAB_NOW, labAsk, link, peerId } from "./fixtures";

/** Changes of links as a node makes and keeps them. The owner of win-box is asked before a pin. */
export class LabLinks {
  readonly replies: Replies = {
    link_history: () => this.history(),
    link_limit: request => this.limit(request),
    link_undo: request => this.undo(request),
    link_asks: () => ({ asks: [...this.grid().asks], always: this.always }),
    link_answer: request => this.answer(request),
  };
  private always: AlwaysView[] = [{ machine: peerId("ana-laptop"), name: "ana-laptop", allow: true }];
  private kept: LinkChangeView[] = [
    kept(2, "studio-nas", "studio-nas", ["forbidden", "automatic"], 26 * 3_600_000),
    kept(1, "studio-nas", "atelier-tower", ["automatic", "pinned"], 3 * 86_400_000),
  ];

  constructor(
    private readonly grid: () => Grid,
    private readonly tell: (body: Omit<Event, "seq">) => void,
  ) {}

  /** Changes a link, tells of it, and answers with it. */
  change({ from, to, policy, expected }: LinkRequest): LinkView {
    const here = this.grid().thisMachine?.id ?? "";
    const peer = from === here ? to : from;
    const known = this.grid().link(peer) ?? link(peer, { peer });
    if (expected != null && expected !== known.revision) refuse(known);
    if (policy === "pinned" && peer === peerId("win-box")) {
      this.tell({ event: "link_ask_changed", data: labAsk({ peer, name: "win-box" }) } as Omit<Event, "seq">);
      return { ...known, ask: "waiting" };
    }
    this.tell({ event: "link_ask_removed", data: { from: here, peer } } as Omit<Event, "seq">);
    return this.set(known, policy, here);
  }

  private limit({ machine, bytes_per_sec = null }: LinkLimitRequest): LinkView {
    const limited: LinkView = { ...(this.grid().link(machine) ?? link(machine)), limit_bytes_per_sec: bytes_per_sec };
    this.tell({ event: "link_changed", data: limited } as Omit<Event, "seq">);
    return limited;
  }

  private answer({ machine, allow, always }: LinkAnswerRequest): LinkAsksView {
    const ask = this.grid().asks.find(({ from }) => from === machine);
    if (ask !== undefined) {
      const { from, peer } = ask;
      if (allow) this.tell({ event: "link_ask_removed", data: { from, peer } } as Omit<Event, "seq">);
      else this.tell({ event: "link_ask_changed", data: { ...ask, state: "declined" } } as Omit<Event, "seq">);
    }
    const others = this.always.filter(answer => answer.machine !== machine);
    const name = this.grid().machine(machine)?.name ?? "";
    this.always = always === true ? [...others, { machine, name, allow }] : others;
    return { asks: [], always: this.always };
  }

  /** The owner of the other end changes it. */
  changeThere(peer: PeerId, policy: LinkPolicy): void {
    const known = this.grid().link(peer);
    if (known !== undefined) this.set(known, policy, peer);
  }

  private set(known: LinkView, policy: LinkPolicy, by: PeerId): LinkView {
    const changed: LinkView = { ...known, policy, revision: known.revision + 1, changed: [by, LAB_NOW - 120_000] };
    const change: LinkChangeView = {
      id: this.kept.length + 1,
      at: LAB_NOW - 120_000,
      by,
      by_name: this.grid().machine(by)?.name ?? "",
      peer: known.peer,
      sentence: `the link to ${known.name} is ${policy}`,
      wanted: [known.policy, policy],
      can_undo: by === this.grid().thisMachine?.id,
    };
    this.kept = [change, ...this.kept];
    this.tell({ event: "link_changed", data: changed } as Omit<Event, "seq">);
    return changed;
  }

  private history(): LinkHistoryView {
    return { changes: this.kept };
  }

  private undo({ id, anyway }: LinkUndoRequest): LinkHistoryView {
    const change = this.kept.find(change => change.id === id);
    const known = this.grid().link(change?.peer ?? "");
    if (change?.wanted == null || known === undefined) throw new Error(`the lab has no change ${id}`);
    const newest = this.kept.find(({ peer }) => peer === change.peer);
    if (newest !== change && anyway !== true) refuse(known);
    change.can_undo = false;
    this.set(known, change.wanted[0], change.by);
    this.kept[0]!.can_undo = false;
    return this.history();
  }
}

function refuse({ name }: LinkView): never {
  throw new Refusal({ kind: "input", code: "link_changed", message: `the link to ${name} was changed` });
}

function kept(id: number, peer: string, by: string, wanted: [LinkPolicy, LinkPolicy], agoMs: number): LinkChangeView {
  const sentence = `the link to ${peer} is ${wanted[1]}`;
  const at = LAB_NOW - agoMs;
  return { id, at, by: peerId(by), by_name: by, peer: peerId(peer), sentence, wanted, can_undo: id === 1 };
}
