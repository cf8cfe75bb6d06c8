/// <reference types="node" />
import { chromium, type BrowserServer } from "playwright-core";

/** Where Chromium lies; tests never download one. */
const CHROMIUM = process.env["GRIDWELL_CHROMIUM"] ?? "/usr/bin/chromium";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-proxy-server",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch(): Promise<BrowserServer> {
  return chromium.launchServer({ executablePath: CHROMIUM, args: ARGS });
}

declare module "vitest" {
  export interface ProvidedContext {
    browser: string;
  }
}
