import type { Platform } from "./bridge";

/** The system a browser says it runs on; Linux for everything unknown. */
export function osOf(userAgent: string): Platform["os"] {
  if (/Mac OS X|Macintosh/.test(userAgent)) return "macos";
  if (/Windows/.test(userAgent)) return "windows";
  return "linux";
}
