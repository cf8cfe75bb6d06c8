/// <reference types="node" />
import path from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** A program that cargo built. */
export function built(program: string): string {
  return path.join(process.env["CARGO_TARGET_DIR"] ?? path.join(repository, "target"), "debug", program);
}
