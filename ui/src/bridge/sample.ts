/** A scene for the renderer that is part of every node: some ten seconds on one machine (ui-spec §4, first run). */
const SCENE = `gridwell_sample = 1
title = "Welcome"
width = 480
height = 270
frames = "1-24"
`;

export function sampleFile(): File {
  return new File([SCENE], "welcome.gridwell-sample");
}
