/// <reference types="node" />
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { built } from "./built";

/** The program that makes up grids: what cargo built, or what `GRIDWELL_SYNTHETIC` names. */
export const synthetic = process.env["GRIDWELL_SYNTHETIC"] ?? built("examples/synthetic");
const PAGES = fileURLToPath(new URL("../../dist", import.meta.url));

/** A made-up grid behind the real door, with one large job whose tasks change at any pace. */
export class MadeUp {
  /** Its first machine is the one that is asked. */
  readonly name = "-000";

  private constructor(
    private readonly data: string,
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    private readonly address: string,
    /** The large job. */
    readonly job: string,
  ) {}

  static async start(...words: string[]): Promise<MadeUp> {
    const data = await mkdtemp(path.join(tmpdir(), "gridwell-made-"));
    const child = spawn(synthetic, ["--data", data, "--pages", PAGES, ...words]);
    child.stderr.pipe(process.stderr);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return new MadeUp(data, child, lines, await next(lines), await next(lines));
  }

  /** An address for one browser. */
  url(): Promise<string> {
    return Promise.resolve(this.address);
  }

  /** From here on so many tasks change each second. */
  storm(perSecond: number): void {
    this.child.stdin.write(`${perSecond}\n`);
  }

  /** Nothing changes any more; returns how many changes there were since the start. */
  async calm(): Promise<number> {
    this.storm(0);
    return Number(await next(this.lines));
  }

  async stop(): Promise<void> {
    const gone = new Promise<void>(resolve => this.child.once("exit", () => resolve()));
    this.child.kill("SIGINT");
    await gone;
    await rm(this.data, { recursive: true, force: true });
  }
}

async function next(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`${synthetic} ended`);
  return value as string;
}
