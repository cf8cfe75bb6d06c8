import CornerDownRight from "@lucide/svelte/icons/corner-down-right";
import EyeOff from "@lucide/svelte/icons/eye-off";
import File from "@lucide/svelte/icons/file";
import Film from "@lucide/svelte/icons/film";
import Folder from "@lucide/svelte/icons/folder";
import Image from "@lucide/svelte/icons/image";
import type { Component } from "svelte";

import type { FileView } from "~/bridge";

const PICTURES = /\.(png|jpe?g|webp|gif|bmp|tiff?|exr|hdr|tga|blend|gws)$/i;
const FILMS = /\.(mp4|mov|mkv|webm|avi|m4v|mpe?g|mxf)$/i;

/** The sign of what something is, as far as its name says. */
export function iconOf({ kind, name }: Pick<FileView, "kind" | "name">): Component {
  switch (kind) {
    case "folder":
      return Folder;
    case "link":
      return CornerDownRight;
    case "hidden":
      return EyeOff;
    case "file":
      return PICTURES.test(name) ? Image : FILMS.test(name) ? Film : File;
  }
}

/** What a small picture of it takes: all of the file, its first blocks only, or a program that reads it as a file of this machine. */
export type Pictured = "whole" | "head" | "program";

/** What the node needs to make a small picture of it; `null` where its name promises none. */
export function pictured({ kind, name }: Pick<FileView, "kind" | "name">): Pictured | null {
  if (kind !== "file") return null;
  if (FILMS.test(name)) return "program";
  return /\.blend$/i.test(name) ? "head" : PICTURES.test(name) ? "whole" : null;
}

/** Folders first, then by name, numbers in names by their value. */
export function byName(a: FileView, b: FileView): number {
  return Number(b.kind === "folder") - Number(a.kind === "folder") || compareNames(a.name, b.name);
}

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

export function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : Number(a > b));
}
