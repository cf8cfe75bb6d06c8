import { expect, it } from "vitest";

import type { ShareView } from "~/bridge";
import { copiesLine, copiesWords, wantedCopies } from "./copies";

const SHARE: ShareView = {
  id: "s",
  name: "Scenes",
  machine: "m",
  machine_name: "mill",
  online: true,
  at: "/mill/Scenes",
  path: null,
  to: [],
};

it("copies are counted, and where they are and why there are not more is said", () => {
  expect([wantedCopies(SHARE), copiesWords(SHARE), copiesLine(SHARE)]).toEqual([1, "", ""]);
  const places = [{ machine: "m", name: "mill", files: 3, bytes: 9 }];
  const copies = { wanted: 3, whole: 1, on_the_way: 1, places, files: 3, note: "too few machines can be reached" };
  const share = { ...SHARE, copies };
  expect(wantedCopies(share)).toBe(3);
  expect(copiesWords(share)).toBe("1 of 3 copies");
  expect(copiesLine(share).replace(/[\u2066-\u2069]/g, "")).toBe(
    "mill · 1 on the way · too few machines can be reached",
  );
});
