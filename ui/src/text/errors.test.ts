import { expect, it } from "vitest";

import { Refusal, type ErrorCode } from "~/bridge";
import { problem, report } from "./errors";

const REFUSAL = new Refusal({
  kind: "input",
  code: "missing_file",
  message: "'/home/ana/kitchen.blend' does not exist",
  help: "Choose another file.",
});

it("says what is wrong, what was tried and what to do", () => {
  expect(problem(REFUSAL)).toEqual({
    sentence: "A file or folder is not there.",
    details: "'/home/ana/kitchen.blend' does not exist. Choose another file.",
  });
});

it("has a sentence for codes of a newer node", () => {
  const newer = new Refusal({ kind: "input", code: "bad_moon" as ErrorCode, message: "the moon is wrong" });
  expect(problem(newer).sentence).toBe("Something went wrong.");
});

it("keeps messages of other machines one line", () => {
  const nasty = new Refusal({ kind: "peer", code: "peer_unreachable", message: "render\u001b[2J\n01 is away" });
  expect(problem(nasty).details).toBe("Render\ufffd[2J\ufffd01 is away.");
});

it("gives helpers the code and everything that was said", () => {
  expect(report(REFUSAL)).toBe("missing_file (input)\n'/home/ana/kitchen.blend' does not exist\nChoose another file.");
});
