import { describe, expect, it } from "vitest";

import { contrastOf, fittingAccent, inkOn } from "./accent";
import { Actions, whereOf, type Action } from "./actions.svelte";
import { dropKind, dropLine } from "./dropping";
import { ariaKeys, caps, isCharacter, matches, type Pressed } from "./keys";
import { hrefOf, parseRoute, sameRoute } from "./routes";
import { find, type Entry } from "./search";
import { themeFor } from "./theme.svelte";

describe("routes", () => {
  it("survive the address", () => {
    const route = parseRoute(hrefOf("jobs", "abcd", "a/b c"));
    expect(route).toEqual({ view: "jobs", path: ["abcd", "a/b c"] });
    expect(sameRoute(route, { view: "jobs", path: ["abcd", "a/b c"] })).toBe(true);
  });

  it("lead home from anywhere unknown", () => {
    for (const hash of ["", "#", "#/", "#/nowhere/at/all", "#token=abc", "#/jobs%"]) {
      expect(parseRoute(hash)).toEqual({ view: "grid", path: [] });
    }
  });
});

function key(key: string, some: Partial<Pressed> = {}): Pressed {
  return { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...some };
}

describe("shortcuts", () => {
  it("use Ctrl, and ⌘ on macOS", () => {
    expect(matches("Mod+K", key("k", { ctrlKey: true }), "linux")).toBe(true);
    expect(matches("Mod+K", key("k", { ctrlKey: true }), "macos")).toBe(false);
    expect(matches("Mod+K", key("k", { metaKey: true }), "macos")).toBe(true);
    expect(matches("Mod+K", key("k"), "linux")).toBe(false);
    expect(matches("K", key("k", { ctrlKey: true }), "linux")).toBe(false);
  });

  it("tell letters with Shift apart, but not signs that need it on some keyboards", () => {
    expect(matches("K", key("K", { shiftKey: true }), "linux")).toBe(false);
    expect(matches("Shift+K", key("K", { shiftKey: true }), "linux")).toBe(true);
    expect(matches("?", key("?", { shiftKey: true }), "linux")).toBe(true);
    expect(matches("/", key("/", { shiftKey: true }), "linux")).toBe(true);
    expect(matches("Space", key(" "), "linux")).toBe(true);
    expect(matches("+", key("+", { shiftKey: true }), "linux")).toBe(true);
  });

  it("with Alt mean the key, whatever character it writes", () => {
    expect(matches("Alt+h", key("h", { altKey: true, code: "KeyH" }), "linux")).toBe(true);
    expect(matches("Alt+h", key("˙", { altKey: true, code: "KeyH" }), "macos")).toBe(true);
    expect(matches("h", key("h", { altKey: true, code: "KeyH" }), "linux")).toBe(false);
  });

  it("are written as on the keyboard", () => {
    expect(caps("Mod+Shift+z", "linux")).toEqual(["Ctrl", "Shift", "Z"]);
    expect(caps("Mod+Shift+z", "macos")).toEqual(["⌘", "⇧", "Z"]);
    expect(ariaKeys("Mod+K", "linux")).toBe("Control+K");
  });

  it("are plain characters only without a modifier", () => {
    expect([isCharacter("1"), isCharacter("?"), isCharacter("Shift+K")]).toEqual([true, true, true]);
    expect([isCharacter("Mod+K"), isCharacter("F6"), isCharacter("Space")]).toEqual([false, false, false]);
  });
});

function action(id: string, some: Partial<Action> = {}): Action {
  return { id, title: () => id, group: "do", run: () => {}, ...some };
}

describe("actions", () => {
  const FREE = { inText: false, inOverlay: false, letterKeys: true };
  const press = (actions: Actions, pressed: Pressed, where = FREE): string | undefined =>
    actions.pressed(pressed, where, "linux")?.id;

  it("in front win over those behind, and go when they are taken back", () => {
    const actions = new Actions();
    actions.register([action("behind", { keys: ["X"] })]);
    const takeBack = actions.register([action("front", { keys: ["X"] })]);
    expect(press(actions, key("x"))).toBe("front");
    takeBack();
    expect(press(actions, key("x"))).toBe("behind");
  });

  it("stay out of text fields, menus and sheets unless they are always there", () => {
    const actions = new Actions();
    actions.register([
      action("new", { keys: ["Mod+N"] }),
      action("palette", { keys: ["Mod+K"], always: true }),
      action("grid", { keys: ["1"] }),
    ]);
    const inText = { ...FREE, inText: true };
    expect(press(actions, key("1"), inText)).toBeUndefined();
    expect(press(actions, key("n", { ctrlKey: true }), inText)).toBeUndefined();
    expect(press(actions, key("k", { ctrlKey: true }), inText)).toBe("palette");
    expect(press(actions, key("n", { ctrlKey: true }), { ...FREE, inOverlay: true })).toBeUndefined();
  });

  it("lose their plain characters when a person switches those off", () => {
    const actions = new Actions();
    actions.register([action("grid", { keys: ["1", "Mod+1"] })]);
    expect(press(actions, key("1"), { ...FREE, letterKeys: false })).toBeUndefined();
    expect(press(actions, key("1", { ctrlKey: true }), { ...FREE, letterKeys: false })).toBe("grid");
  });

  it("that make no sense are not there; those that are blocked are, but do nothing", () => {
    const actions = new Actions();
    let ran = 0;
    actions.register([
      action("gone", { when: () => false }),
      action("blocked", { blocked: () => "not now", run: () => (ran += 1) }),
    ]);
    expect(actions.all.map(({ id }) => id)).toEqual(["blocked"]);
    actions.run("blocked");
    expect(ran).toBe(0);
  });

  it("know where the focus is", () => {
    expect(whereOf(null, true)).toEqual({ inText: false, inOverlay: false, letterKeys: true });
  });
});

describe("the palette", () => {
  const entry = (id: string, title: string, group: Entry["group"], also = ""): Entry => ({ id, title, group, also });
  const ENTRIES = [
    entry("theme", "Theme: Dark", "settings"),
    entry("pause", "Pause for 1 hour", "do"),
    entry("hold", "Pause kitchen", "selection"),
    ...Array.from({ length: 9 }, (_, at) => entry(`job${at}`, `job ${at}`, "jobs")),
    entry("why", "Why is nothing running?", "help", "waiting gravity"),
  ];

  it("shows the selection first when nothing is typed, and not too many of a kind", () => {
    const found = find(ENTRIES, " ").map(({ id }) => id);
    expect(found.slice(0, 2)).toEqual(["hold", "pause"]);
    expect(found.filter(id => id.startsWith("job"))).toHaveLength(5);
    expect(found.at(-1)).toBe("why");
  });

  it("finds by parts of words and by words that are not shown", () => {
    expect(find(ENTRIES, "pau")[0]?.id).toBe("hold");
    expect(find(ENTRIES, "gravity")[0]?.id).toBe("why");
    expect(find(ENTRIES, "zzzz")).toEqual([]);
  });
});

describe("drops", () => {
  it("say what will happen", () => {
    expect(dropKind("Kitchen.BLEND")).toBe("render");
    expect(dropLine([])).toBe("Drop to start a job");
    expect(dropLine(["kitchen.blend"])).toBe("Render \u2068kitchen.blend\u2069");
    expect(dropLine(["a.mov", "b.mp4", "c.mkv"])).toBe("Convert 3 films");
    expect(dropLine(["a.mov", "b.blend"])).toBe("Start jobs from 2 files");
    expect(dropLine(["notes.txt"])).toBe("Run a command on \u2068notes.txt\u2069…");
  });
});

describe("the theme", () => {
  it("follows the system until a person chooses", () => {
    expect(themeFor("system", true, false)).toBe("dark");
    expect(themeFor("system", false, true)).toBe("contrast-light");
    expect(themeFor("light", true, true)).toBe("light");
    expect(themeFor("contrast", true, false)).toBe("contrast-dark");
  });

  it("takes the system's accent, made readable", () => {
    for (const surface of ["#161b22", "#ffffff"]) {
      for (const accent of ["#3584e4", "#f6d32d", "#000000", "#ffffff"]) {
        const fitting = fittingAccent(accent, surface) ?? "";
        expect(contrastOf(fitting, surface), `${accent} on ${surface}`).toBeGreaterThanOrEqual(4.5);
        expect(contrastOf(inkOn(fitting), fitting)).toBeGreaterThanOrEqual(4.5);
      }
    }
    expect(fittingAccent("orange", "#ffffff")).toBeNull();
  });
});
