/// <reference types="node" />
import { existsSync } from "node:fs";

import type { TestProject } from "vitest/node";

import { launch } from "../chromium";
import { gridwell } from "./grid";
import { synthetic } from "./made";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  for (const program of [gridwell, synthetic])
    if (!existsSync(program)) throw new Error(`there is no ${program}: cargo xtask grids builds it`);
  const browser = await launch();
  project.provide("browser", browser.wsEndpoint());
  return () => browser.close();
}
