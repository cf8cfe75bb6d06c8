import { describe, expect, it } from "vitest";

import type { LendingView } from "~/bridge";
import { lendingReplies } from "~/lab/lending";
import { policyOf, rulesOf, rulesWithSleep, sleepOf } from "./lending";

const { rules } = lendingReplies({ isPoor: false }).lending?.({ ask: "lending" }) as LendingView;

describe("the rules of lending", () => {
  it("are the same again if nothing was changed", () => {
    expect(rulesOf(policyOf(rules), rules)).toEqual(rules);
    expect(rulesWithSleep(sleepOf(rules), rules)).toEqual(rules);
  });

  it("change in sleep alone where only that was changed", () => {
    const sleep = { keepAwake: true, afterSecs: 1_800, wakeForWork: true };
    const changed = rulesWithSleep(sleep, rules);
    expect(changed).toEqual({ ...rules, keep_awake: true, sleep_after_secs: 1_800, wake_for_work: true });
    expect(sleepOf(changed)).toEqual(sleep);
  });
});
