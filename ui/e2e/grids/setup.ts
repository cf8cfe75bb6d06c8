/// <reference types="node" />
import { existsSync } from "node:fs";

import type { TestProject } from "vitest/node";

import { launch } from "../chromium";
import { gridwell } from "./grid";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(gridwell)) throw new Error(`there is no ${gridwell}: cargo xtask ui && cargo build -p gridwell-cli`);
  const browser = await launch();
  project.provide("browser", browser.wsEndpoint());
  return () => browser.close();
}
