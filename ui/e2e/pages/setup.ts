/// <reference types="node" />
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import type { TestProject } from "vitest/node";

import { launch } from "../chromium";

const PAGES = fileURLToPath(new URL("../../dist-lab", import.meta.url));

/** The policy the desktop app and the browser door set; whatever breaks it is an error in the console of a page. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "frame-src 'none'",
].join("; ");

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(join(PAGES, "lab.html"))) throw new Error("there is no dist-lab: npm run build:lab");
  const server = await serve();
  const browser = await launch();
  project.provide("lab", `http://127.0.0.1:${(server.address() as AddressInfo).port}/lab.html`);
  project.provide("browser", browser.wsEndpoint());
  return async () => {
    await browser.close();
    await new Promise(done => server.close(done));
  };
}

function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://lab").pathname));
    const file = join(PAGES, path);
    if (!file.startsWith(PAGES) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    // Their names change with what is in them.
    const cache = path.startsWith("/assets/") ? "max-age=3600" : "no-cache";
    const headers = { "content-type": type, "content-security-policy": POLICY, "cache-control": cache };
    response.writeHead(200, headers).end(readFileSync(file));
  });
  return new Promise(ready => server.listen(0, "127.0.0.1", () => ready(server)));
}

declare module "vitest" {
  export interface ProvidedContext {
    lab: string;
  }
}
