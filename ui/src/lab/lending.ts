import { Refusal, type LendingView } from "~/bridge";
import type { Replies } from "./bridge";

/**
 * How this machine lends: nobody is there; what is changed holds. A poor system sees nobody at its keyboard and makes no
 * namespaces.
 */
export function lendingReplies({ isPoor }: { isPoor: boolean }): Replies {
  let view: LendingView = {
    standing: "offering",
    others: { cpus: 12, memory_bytes: 48e9, gpus: 0 },
    own: { cpus: 12, memory_bytes: 48e9, gpus: 0 },
    why_not: "",
    objections: [],
    rules: {
      when: { kind: "idle", after_secs: 300 },
      never_while: {
        programs: ["resolve"],
        full_screen: false,
        on_battery: true,
        graphics_busy: true,
        metered: true,
        hotter_than: null,
      },
      limits: {
        cpus: 12,
        cpus_in_use: 0.5,
        memory: 0.9,
        memory_in_use: 0.5,
        graphics: true,
        disk_reserve_bytes: 10e9,
        cache_bytes: 64e9,
        network: null,
      },
      on_return: { kind: "finish", within_secs: 120 },
      only_mine: false,
      mine_wait: false,
      keep_awake: false,
      wake_for_work: false,
      sleep_after_secs: null,
      ladder: {
        touched_secs: 60,
        gone_secs: 300,
        soften_load: 0.3,
        soften_after_secs: 20,
        freeze_load: 0.5,
        freeze_after_secs: 120,
        dwell_secs: 10,
        pack_after_secs: 600,
        grace_secs: 600,
        nearly_secs: 90,
      },
    },
    paused_until: null,
    drained: false,
    graphics_until: null,
    network_until: null,
    senses: [{ sense: "gnome", idle: true, missing: isPoor ? "there is no desktop" : null }],
    promise_ms: 400,
    programs: [],
    isolation: "landlock",
    week: { times: 14, waited_ms: 4_200, most_ms: 1_200, frozen_secs: 180, lost_secs: 40 },
  };
  return {
    lending: ({ rules, pause, isolation }) => {
      if (isPoor && isolation === "namespaces") throw NO_BUBBLEWRAP;
      if (isolation != null) view = { ...view, isolation };
      if (rules != null) view = { ...view, rules };
      if (pause?.only === "graphics") {
        view = { ...view, graphics_until: pause.secs === 0 ? null : Date.now() + pause.secs * 1_000 };
      }
      return view;
    },
  };
}

const NO_BUBBLEWRAP = new Refusal({
  kind: "input",
  code: "wrong_state",
  message:
    "programs of jobs cannot have namespaces of their own here: bubblewrap is not installed: no bwrap is in the search path",
  help: "install the package bubblewrap; where it is there and refused, only whoever administers this system can allow it",
});
