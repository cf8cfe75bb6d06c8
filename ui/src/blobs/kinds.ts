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

/** Whether the node may make a small picture of it. */
export function hasPicture({ kind, name }: Pick<FileView, "kind" | "name">): boolean {
  return kind === "file" && (PICTURES.test(name) || FILMS.test(name));
}

/** Folders first, then by name, numbers in names by their value. */
export function byName(a: FileView, b: FileView): number {
  return Number(b.kind === "folder") - Number(a.kind === "folder") || compareNames(a.name, b.name);
}

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

export function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : Number(a > b));
}
