import SCENE from "./welcome.gridwell-sample?raw";

/** A scene for the renderer that is part of every node: a few seconds on one machine (ui-spec §4, first run). */
export function sampleFile(): File {
  return new File([SCENE], "welcome.gridwell-sample");
}
