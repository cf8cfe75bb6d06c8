import type { Event, MachineView, SetRequest } from "~/bridge";
import { LAB_NOW } from "./fixtures";

type Tell = (body: Omit<Event, "seq">) => void;

/** Machines that people wait for, and what is said of this one's power, as the node remembers it and tells of it. */
export class LabWaiting {
  #notices = 900;

  constructor(
    private readonly machines: () => readonly MachineView[],
    private readonly tell: Tell,
  ) {}

  set({ awaited = {}, watts, tariff }: SetRequest): MachineView | undefined {
    const known = this.machines()[0]?.power;
    if (known !== undefined && watts !== undefined)
      this.#change(({ this: own }) => own, { power: { ...known, watts } });
    if (known !== undefined && tariff !== undefined)
      this.#change(({ this: own }) => own, { power: { ...known, tariff } });
    for (const [id, on] of Object.entries(awaited)) this.#change(machine => machine.id === id, { awaited: on });
    return this.machines()[0];
  }

  /** The machine of that name is back. */
  tellBack(name: string): void {
    const id = this.#change(machine => machine.name === name, { awaited: false, online: true, state: "ready" });
    const data = {
      id: (this.#notices += 1),
      at: LAB_NOW,
      kind: "back",
      level: "info",
      sentence: `${name} is back`,
      job: null,
      machine: id,
    };
    this.tell({ event: "notice", data } as Omit<Event, "seq">);
  }

  #change(which: (machine: MachineView) => boolean, some: Partial<MachineView>): string | null {
    const machine = this.machines().find(which);
    if (machine === undefined) return null;
    this.tell({ event: "machine_changed", data: { ...machine, ...some } } as Omit<Event, "seq">);
    return machine.id;
  }
}
