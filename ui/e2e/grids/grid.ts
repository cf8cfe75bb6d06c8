/// <reference types="node" />
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import type { JobView, LinkView, MachineView } from "../../src/bridge/api";
import { built } from "./built";

const run = promisify(execFile);

/** The program under test: what cargo built, or what `GRIDWELL_BIN` names. */
export const gridwell = process.env["GRIDWELL_BIN"] ?? built("gridwell");

/** The first line of `gridwell node --json`. */
interface Ready {
  id: string;
  ui: string;
}

/** A node process with its own data folder. */
export class Peer {
  #child: ChildProcess | null = null;
  #door = "127.0.0.1:0";

  constructor(
    readonly name: string,
    readonly data: string,
    private readonly extra: readonly string[] = [],
  ) {}

  /** Starts the node; done when it can be asked. Again it is the same machine, and its window is at the same address. */
  async boot(...more: string[]): Promise<void> {
    const log = openSync(`${this.data}.log`, "a");
    const words = ["node", "--json", "--name", this.name, "--listen", "127.0.0.1:0", "--data", this.data];
    // What else runs on this computer or fills its disk is no concern of most tests; kept, so that one may say otherwise.
    if (!existsSync(this.data)) words.push("--dedicated", "--disk-reserve", "0");
    const child = spawn(gridwell, [...words, "--ui", this.#door, ...this.extra, ...more], {
      stdio: ["ignore", "pipe", log],
      env: { ...process.env, GRIDWELL_LOG: "info" },
    });
    closeSync(log);
    this.#child = child;
    const [line] = await firstLine(child);
    if (line === undefined) throw new Error(`${this.name} did not come up; see ${this.data}.log`);
    this.#door = new URL((JSON.parse(line) as Ready).ui).host;
    child.stdout!.resume();
  }

  /** An address for a browser, good once. */
  async url(): Promise<string> {
    return (await this.json<{ url: string }>("ui")).url;
  }

  /** Asks the node through its command line. */
  async cli(...words: string[]): Promise<string> {
    const { stdout } = await run(gridwell, words, {
      env: { ...process.env, GRIDWELL_DATA: this.data },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.cli("--json", ...words)) as T;
  }

  /** Newest first. */
  jobs(): Promise<JobView[]> {
    return this.json("jobs");
  }

  /** As a machine that hangs: its connections stay, and nothing is heard of it. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>(resolve => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }
}

async function firstLine(child: ChildProcess): Promise<string[]> {
  for await (const line of createInterface({ input: child.stdout! })) return [line];
  return [];
}

/** Real nodes on loopback that trust each other. */
export class TestGrid {
  private constructor(
    readonly folder: string,
    readonly peers: readonly Peer[],
  ) {}

  /** Starts one node for each name; all join the first one's grid. */
  static async start(names: readonly string[], extra: readonly string[] = []): Promise<TestGrid> {
    const folder = await mkdtemp(path.join(tmpdir(), "gridwell-ui-"));
    const grid = new TestGrid(
      folder,
      names.map((name, at) => new Peer(name, path.join(folder, `${at}`), extra)),
    );
    const [first, ...others] = grid.peers;
    await first!.boot();
    for (const peer of others)
      await peer.boot("--join", (await first!.json<{ link: string }>("invite", "--approve-now")).link);
    await Promise.all(grid.peers.map(peer => grid.#linked(peer)));
    return grid;
  }

  get first(): Peer {
    return this.peers[0]!;
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** A file in the grid's own folder. */
  async write(file: string, text: string): Promise<void> {
    await writeFile(file, text);
  }

  async script(file: string, line: string): Promise<void> {
    await writeFile(file, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) {
      peer.thaw();
      await peer.kill();
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #linked(peer: Peer): Promise<void> {
    // Programs are looked for after the start; a machine gets no scene before it is known to have Blender.
    const isReady = ({ online, hardware }: MachineView): boolean =>
      online && (hardware?.tools ?? []).some(tool => tool.name === "blender");
    await until(`${peer.name} sees all machines`, async () => {
      const machines = await peer.json<MachineView[]>("machines");
      return machines.length === this.peers.length && machines.every(isReady);
    });
    // A way around a link is known once both ends of each of its links were heard.
    await until(`${peer.name} knows all links from both ends`, async () => {
      const links = await peer.json<LinkView[]>("links", "--all");
      return links.filter(link => link.state === "up").length >= this.peers.length * (this.peers.length - 1);
    });
  }
}

/** Only a failure takes this long. */
const PATIENCE_MS = 90_000;
const LOOK_EVERY_MS = 50;

/** Looks again and again until `look` sees something. */
export async function until<T>(what: string, look: () => Promise<T | false | null | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`in vain waited until ${what}`);
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
