import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { centreOf, dragTo, gripAt, standing } from "./scene";
import { unspoken } from "./spoken";

usePages();

const idOf = (name: string): string => name.replace(/[^a-z2-7]/g, "a").padEnd(52, "a");

/** What the window wished of links and asks. */
function wished(page: Page): Promise<unknown[]> {
  return page.evaluate(() =>
    window.lab.bridge.asked.flatMap((request): unknown[] =>
      request.ask === "link"
        ? [`${window.lab.grid.machine(request.to)?.name} ${request.policy}`]
        : request.ask === "link_answer"
          ? [{ allow: request.allow, always: request.always }]
          : [],
    ),
  );
}

/** The owner of a machine asks to pin its link with this one. */
async function hear(page: Page, name: string): Promise<void> {
  await page.evaluate(
    ([from, name, peer]) =>
      window.lab.bridge.tell({
        event: "link_ask_changed",
        data: { from, from_name: name, peer, name: "atelier-tower", state: "waiting", asked: 0, until: 1795612800000 },
      } as never),
    [idOf(name), name, idOf("atelier-tower")] as const,
  );
}

describe("what another owner asks", () => {
  it.each(["dark", "light"] as const)("stands above every screen in %s, and is allowed there", async theme => {
    const page = await open("#/jobs", { theme }, { width: 900, height: 600 });
    await hear(page, "lab-mini");
    const banner = page.getByRole("status").filter({ hasText: /lab-mini.* asks to pin its link with this machine/ });
    await banner.waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    await banner.getByRole("button", { name: "Allow", exact: true }).click();
    await banner.waitFor({ state: "detached" });
    expect(await wished(page)).toEqual([{ allow: true, always: false }]);
  });

  it("is among what needs a person, is declined there, and may still be allowed at the link", async () => {
    const page = await open("#/activity");
    await hear(page, "lab-mini");
    const needs = page.getByRole("region", { name: "Needs you" });
    await needs.getByText(/Until /).waitFor();
    expect(await breaches(page)).toEqual([]);
    await needs.getByRole("button", { name: "Decline" }).click();
    await needs.waitFor({ state: "detached" });
    await page.evaluate(id => (window.location.hash = `#/machines/${id}`), idOf("lab-mini"));
    await page.getByText(/was told no/).waitFor();
    await page.getByRole("button", { name: "Allow", exact: true }).click();
    await page.getByText(/was told no/).waitFor({ state: "detached" });
    expect(await wished(page)).toEqual([
      { allow: false, always: false },
      { allow: true, always: false },
    ]);
  });

  it("is allowed for good", async () => {
    const page = await open("#/activity");
    await hear(page, "lab-mini");
    await page.getByRole("button", { name: /Always allow .*lab-mini/ }).click();
    await page.getByRole("region", { name: "Needs you" }).waitFor({ state: "detached" });
    expect(await wished(page)).toEqual([{ allow: true, always: true }]);
  });
});

describe("a pin of somebody else's machine", () => {
  it.each(["dark", "light"] as const)("waits in %s for its owner, says so, and is taken back", async theme => {
    const page = await open(`#/machines/${idOf("win-box")}`, { theme });
    await page.getByRole("combobox", { name: /Policy of the link/ }).selectOption({ label: "Pinned" });
    await page
      .getByText(/win-box.* has another owner, who is asked first/)
      .first()
      .waitFor();
    await page.getByText(/Waiting for the owner of .*win-box.* to allow the pin/).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Ask no more" }).click();
    await page.getByText(/Waiting for the owner/).waitFor({ state: "detached" });
    expect(await wished(page)).toEqual(["win-box pinned", "win-box automatic"]);
  });

  it("leaves the link that was moved there until it is allowed", async () => {
    const page = await open("#/grid", { inspector: "1" });
    await standing(page);
    const grip = await gripAt(page, idOf("atelier-tower"), idOf("ana-laptop"));
    await dragTo(page, grip, await centreOf(page, idOf("win-box")));
    await page.mouse.up();
    await page
      .getByText(/win-box.* has another owner/)
      .first()
      .waitFor();
    expect(await wished(page)).toEqual(["win-box pinned"]);
    await page.keyboard.press("t");
    await page.getByRole("table", { name: "Links" }).waitFor();
    expect(await page.getByRole("combobox", { name: /ana-laptop/ }).inputValue()).toBe("automatic");
  });
});
