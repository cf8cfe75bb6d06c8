import { Refusal, type ErrorCode, type Event, type InvitationView, type NearbyView, type PairingView } from "~/bridge";
import type { Replies } from "./bridge";
import { LAB_NOW, peerId } from "./fixtures";

/** The one code that is right in the lab. */
const RIGHT = "7K2M-9QXR";
const LINK = `gridwell://pair/${"abcdefghijklmnopqrstuvwxyz234567".repeat(5)}`;

/** Pairing in the lab: answers as a node does, and plays the other machine for tests and pictures. */
export class LabPairing {
  private readonly known = new Map<number, PairingView>();
  private shown: InvitationView | null = null;
  private near: (() => Promise<NearbyView[]>) | null = async () => [];

  constructor(private readonly tell: (body: Omit<Event, "seq">) => void) {}

  /** A machine comes and waits for a person here. It used the code that is shown. */
  come(some: Partial<PairingView> = {}): void {
    this.show(null);
    this.change(pairing({ id: this.known.size + 1, ...some }));
  }

  /** A pairing ends, or goes on, by itself or through somebody else. */
  become(machine: string, some: Partial<PairingView>): void {
    for (const known of [...this.known.values()]) {
      if (known.machine === machine) this.change({ ...known, until: null, ...some });
    }
  }

  /** Somebody types a wrong code. */
  burn(): void {
    this.show(null);
    const sentence = "a wrong code was typed on forge (k3faq7xo): the code shown here is not good any more";
    const data = { id: 9_000, at: LAB_NOW, kind: "machine", level: "warning", sentence, job: null, machine: null };
    this.tell({ event: "notice", data } as Omit<Event, "seq">);
  }

  /** Another window of this machine shows a code. */
  showElsewhere(): void {
    this.show({ code: "22223333", link: LINK, expires: LAB_NOW + 599_000, addresses: [] });
  }

  /** Machines that show a code nearby; `null` where looking for them is switched off. */
  around(...names: string[] | [null]): void {
    this.near = names[0] === null ? null : async () => names.map((name, at) => neighbour(name ?? "", at));
  }

  /** A look around that does not end. */
  aroundForEver(): void {
    this.near = () => new Promise(() => {});
  }

  readonly replies: Replies = {
    nearby: () => this.near?.() ?? refuse("wrong_state", "finding machines nearby is switched off here"),
    pair_show: () => {
      const addresses = ["192.168.1.20:7766", "[fd00::20]:7766"];
      return this.show({ code: RIGHT, link: LINK, expires: LAB_NOW + 600_000, addresses });
    },
    pairings: () => ({ nearby: true, code_until: this.shown?.expires ?? null, pairings: [...this.known.values()] }),
    pair_code: ({ code, at }) => {
      const letters = code.replace(/[\s-]/g, "").toUpperCase();
      if (!/^[A-Z2-9]{8}$/.test(letters)) refuse("code_malformed", "a code has 8 letters and digits");
      if (at == null) refuse("no_invitation", "no machine nearby shows a code");
      if (at === "10.9.9.9:7766") refuse("peer_unreachable", "nothing answers at 10.9.9.9:7766");
      if (letters !== RIGHT.replace("-", "")) refuse("code_wrong", "the code is not the one that mill shows");
      return this.enter("code");
    },
    pair_enter: ({ link }) => {
      if (link.includes("used")) refuse("invite_used", "the invite was used already");
      if (!link.includes("good")) refuse("invite_malformed", "'x' is no invite link");
      return this.enter("link");
    },
    pair_answer: request => {
      const asked = this.known.get(Number(request.pairing));
      if (asked === undefined) return refuse("unknown_pairing", "no such machine waits to be let in");
      const state = request.approve ? "joined" : asked.side === "guest" ? "cancelled" : "rejected";
      return this.change({ ...asked, state, until: null });
    },
  };

  private show<Shown extends InvitationView | null>(shown: Shown): Shown {
    this.shown = shown;
    this.tell({ event: "code_changed", data: { until: shown?.expires ?? null } } as Omit<Event, "seq">);
    return shown;
  }

  private enter(method: PairingView["method"]): PairingView {
    return this.change(
      pairing({ id: this.known.size + 1, side: "guest", method, machine: "mill", address: "192.168.1.30:7766" }),
    );
  }

  private change(data: PairingView): PairingView {
    this.known.set(data.id, data);
    this.tell({ event: "pairing_changed", data } as Omit<Event, "seq">);
    return data;
  }
}

/** A machine that waits for a person. */
export function pairing(some: Partial<PairingView> = {}): PairingView {
  const machine = some.machine ?? "sandstone";
  return {
    id: 1,
    side: "host",
    method: "code",
    machine,
    peer: peerId(machine),
    fingerprint: "k3fa q7xo 2mzd hw4n 5rtc",
    address: "192.168.1.44:7766",
    words: ["velvet", "harbor", "copper", "orange"],
    state: "waiting",
    sentence: `${machine} asks to be let in: approve it if it shows the same four words`,
    error: null,
    since: LAB_NOW,
    until: LAB_NOW + 300_000,
    ...some,
  };
}

function neighbour(machine: string, at: number): NearbyView {
  const addresses = [`192.168.1.${30 + at}:7766`];
  return { nameplate: `${at}`, machine, peer: peerId(machine), fingerprint: `${machine.slice(0, 4)} q7xo`, addresses };
}

function refuse(code: ErrorCode, message: string): never {
  throw new Refusal({ kind: "input", code, message, help: "ask for a new one" });
}
