/** The part of the scene that is in view. */

import { clamp, type Box } from "./geometry";
import type { Point } from "./model";

/** A point of the scene is drawn at `k * point + (x, y)`, from the scene's upper left corner, in pixels. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly k: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const ZOOM_MIN = 0.08;
export const ZOOM_MAX = 2.5;
/** Framing few machines does not blow them up beyond this. */
const FRAME_ZOOM_MAX = 1.15;
const FRAME_MARGIN_PX = 36;

export function toWorld(camera: Camera, point: Point): Point {
  return { x: (point.x - camera.x) / camera.k, y: (point.y - camera.y) / camera.k };
}

export function toScreen(camera: Camera, point: Point): Point {
  return { x: point.x * camera.k + camera.x, y: point.y * camera.k + camera.y };
}

/** Returns the camera that shows all of `box` in the middle. */
export function framing(box: Box, size: Size): Camera {
  const room = (px: number): number => Math.max(px - 2 * FRAME_MARGIN_PX, 1);
  const fit = Math.min(room(size.width) / Math.max(box.width, 1), room(size.height) / Math.max(box.height, 1));
  return centredOn({ x: box.x + box.width / 2, y: box.y + box.height / 2 }, clamp(fit, ZOOM_MIN, FRAME_ZOOM_MAX), size);
}

export function centredOn(point: Point, k: number, size: Size): Camera {
  return { x: size.width / 2 - point.x * k, y: size.height / 2 - point.y * k, k };
}

/** Returns the camera after zooming so that `fixed`, in pixels, stays where it is. */
export function zoomed(camera: Camera, factor: number, fixed: Point): Camera {
  const k = clamp(camera.k * factor, ZOOM_MIN, ZOOM_MAX);
  const world = toWorld(camera, fixed);
  return { x: fixed.x - world.x * k, y: fixed.y - world.y * k, k };
}

/** Returns the camera moved just so far that `point` is in view with a margin. */
export function bringingIntoView(camera: Camera, point: Point, size: Size): Camera {
  const margin = Math.min(90, size.width / 3, size.height / 3);
  const at = toScreen(camera, point);
  const dx = clamp(at.x, margin, size.width - margin) - at.x;
  const dy = clamp(at.y, margin, size.height - margin) - at.y;
  return dx === 0 && dy === 0 ? camera : { x: camera.x + dx, y: camera.y + dy, k: camera.k };
}

/** Returns the camera at share `t` of the way; `t` is eased by the caller. */
export function between(from: Camera, to: Camera, t: number): Camera {
  const mix = (p: number, q: number): number => p + (q - p) * t;
  return { x: mix(from.x, to.x), y: mix(from.y, to.y), k: mix(from.k, to.k) };
}
