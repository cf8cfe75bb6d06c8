import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

const idOf = (name: string): string => name.replace(/[^a-z2-7]/g, "a").padEnd(52, "a");
const NAS = `#/machines/${idOf("studio-nas")}`;

/** What the window wished about members. */
function wished(page: Page): Promise<unknown[]> {
  return page.evaluate(() => window.lab.bridge.asked.filter(({ ask }) => ask === "role" || ask === "revoke"));
}

describe("a member of the grid", () => {
  it.each(["dark", "light"] as const)("shows in %s what it may do, which an admin changes", async theme => {
    const page = await open(NAS, { theme });
    const roles = page.getByRole("group", { name: "What it may do on other machines" });
    const links = roles.getByRole("checkbox", { name: "Change links" });
    await links.waitFor();
    expect(await links.isChecked()).toBe(false);
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    await links.press("Space");
    await page
      .getByText(/What .*studio-nas.* may do has changed\./)
      .first()
      .waitFor();
    await expect.poll(() => links.isChecked()).toBe(true);
    expect(await wished(page)).toEqual([{ ask: "role", machine: idOf("studio-nas"), give: ["links"] }]);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => links.isChecked()).toBe(false);
  });

  it("loses the right to run jobs after a question that says what ends", async () => {
    const page = await open(NAS);
    await page.getByRole("checkbox", { name: "Run jobs" }).press("Space");
    const question = page.getByRole("alertdialog");
    await question.getByText(/What other machines run for it ends at once/).waitFor();
    expect(await wished(page)).toEqual([]);
    await question.getByRole("button", { name: "Take away" }).click();
    await expect.poll(() => page.getByRole("checkbox", { name: "Run jobs" }).isChecked()).toBe(false);
  });

  it("becomes an admin only with the word of another one", async () => {
    const page = await open(NAS);
    const admin = page.getByRole("checkbox", { name: "Let machines in, revoke them, change roles" });
    await admin.press("Space");
    const question = page.getByRole("alertdialog", { name: /Change what .*studio-nas.* may do/ });
    await question.getByText(/Taking that back needs a second admin/).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await question.waitFor({ state: "detached" });
    expect(await admin.isChecked()).toBe(false);
    await admin.press("Space");
    await question.getByRole("button", { name: "Allow" }).click();
    await page.getByText("Another admin has to confirm that.").first().waitFor();
    await expect.poll(() => admin.isChecked()).toBe(false);
  });

  it("is revoked after a question that says what ends", async () => {
    const page = await open(NAS);
    await page.getByRole("button", { name: "Revoke…" }).click();
    const question = page.getByRole("alertdialog", { name: /Revoke .*studio-nas/ });
    await question.getByText(/starts again elsewhere, and its own jobs end/).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await question.waitFor({ state: "detached" });
    expect(await wished(page)).toEqual([]);
    await page.getByRole("button", { name: "Revoke…" }).click();
    await question.getByRole("button", { name: "Revoke", exact: true }).click();
    await page
      .getByText(/studio-nas.* was revoked\./)
      .first()
      .waitFor();
    await page.getByRole("grid", { name: "Machines" }).waitFor();
    expect(await wished(page)).toEqual([{ ask: "revoke", machine: idOf("studio-nas") }]);
  });

  it("is changed by nobody but admins, and that is said", async () => {
    const page = await open(NAS, { admin: "0" });
    const run = page.getByRole("checkbox", { name: "Run jobs" });
    await run.press("Space");
    expect(await run.isChecked()).toBe(true);
    expect(await page.getByRole("button", { name: "Revoke…" }).getAttribute("title")).toBe(
      "Only an admin changes this.",
    );
    expect(await wished(page)).toEqual([]);
  });
});

const PEOPLE = "#/settings/machines";

/** What the window wished besides looks. */
function asks(page: Page, ...words: string[]): Promise<unknown[]> {
  return page.evaluate(wanted => window.lab.bridge.asked.filter(({ ask }) => wanted.includes(ask)), words);
}

describe("people and machines", () => {
  it.each(["dark", "light"] as const)("shows in %s admins, guests and who was revoked", async theme => {
    const page = await open(PEOPLE, { theme });
    const list = page.getByRole("region", { name: "Machines", exact: true });
    await list.getByText("Guest until").waitFor();
    expect(await list.getByText("Admin", { exact: true }).count()).toBe(2);
    await page.getByText(/Revoked by .*render-01.* 2 d 2 h ago/).waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
  });

  it("makes a pass for a guest that may do what is chosen, for so long", async () => {
    const page = await open(PEOPLE);
    await page.getByRole("combobox", { name: "How long it stays" }).selectOption({ label: "7 days" });
    await page.getByRole("checkbox", { name: "See shared files" }).press("Space");
    await page.getByRole("button", { name: "Make a guest pass" }).click();
    await page.getByText(/One machine may come with this link until .*, and stay for 7 days/).waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(await asks(page, "invite")).toEqual([{ ask: "invite", roles: ["run", "files"], guest_secs: 604_800 }]);
  });

  it("makes no pass for a guest that may do nothing, and says so", async () => {
    const page = await open(PEOPLE);
    await page.getByRole("checkbox", { name: "Run jobs" }).press("Space");
    const make = page.getByRole("button", { name: "Make a guest pass" });
    expect(await make.getAttribute("title")).toBe("A guest that may do nothing is of no use.");
    await make.press("Enter");
    expect(await asks(page, "invite")).toEqual([]);
  });

  it.each(["dark", "light"] as const)(
    "shows recovery words once in %s, and asks for two of them again",
    async theme => {
      const page = await open(PEOPLE, { theme });
      await page.getByRole("button", { name: "Make new words…" }).click();
      const dialog = page.getByRole("dialog", { name: "Write these words down" });
      const words = await dialog.getByRole("listitem").locator("bdi").allTextContents();
      expect(words.length).toBe(24);
      expect(await breaches(page)).toEqual([]);
      await dialog.getByRole("button", { name: "I have written them down" }).click();
      const fields = dialog.getByRole("textbox");
      for (const field of await fields.all()) await field.fill("elsewhere");
      await page.keyboard.press("Enter");
      await dialog.getByText("That is another word.").first().waitFor();
      expect(await breaches(page)).toEqual([]);
      for (const field of await fields.all()) {
        const place = Number(
          /\d+/.exec((await field.evaluate(it => (it as HTMLInputElement).labels?.[0]?.textContent)) ?? ""),
        );
        await field.fill(` ${words[place - 1]?.toUpperCase()} `);
      }
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      await page.getByText("The recovery words are set.").first().waitFor();
    },
  );

  it("says so when the words were not checked", async () => {
    const page = await open(PEOPLE);
    await page.getByRole("button", { name: "Make new words…" }).click();
    await page.getByRole("dialog", { name: "Write these words down" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Nobody has checked the recovery words.").first().waitFor();
    await page.getByText(/Make new ones if they are not on paper/).waitFor();
  });

  it("recovers the grid by the words, and revokes machines with them", async () => {
    const page = await open(PEOPLE, { admin: "0" });
    expect(await page.getByRole("button", { name: "Make new words…" }).getAttribute("title")).toBe(
      "Only an admin changes this.",
    );
    await page.getByRole("button", { name: "Use the words…" }).click();
    const dialog = page.getByRole("dialog", { name: "Recover the grid" });
    const words = Array.from({ length: 24 }, (_, at) => `word${at}`);
    await dialog.getByRole("textbox").fill(words.slice(1).join("  "));
    await dialog.getByText("23 of 24 words").waitFor();
    await page.keyboard.press("Enter");
    expect(await asks(page, "recover")).toEqual([]);
    await dialog.getByRole("textbox").fill(words.join(" \n "));
    await dialog.getByRole("checkbox", { name: "win-box" }).press("Space");
    expect(await breaches(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Make this machine an admin" }).click();
    await page.getByText("This machine is an admin now.").first().waitFor();
    expect(await asks(page, "recover")).toEqual([
      { ask: "recover", words: words.join(" "), revoke: [idOf("win-box")] },
    ]);
  });
});

describe("what another admin wants", () => {
  it.each(["dark", "light"] as const)(
    "waits above every screen in %s, says what it means, and holds on a word",
    async theme => {
      const page = await open("#/jobs", { theme, proposals: "1" });
      await page.getByText(/render-01.* wants .*studio-nas.* to be an admin/).waitFor();
      expect(await breaches(page)).toEqual([]);
      await page.getByRole("button", { name: "Look" }).click();
      const needs = page.getByRole("region", { name: "Needs you" });
      await needs.getByText(/revoke them and change roles/).waitFor();
      expect(await breaches(page)).toEqual([]);
      expect(await unspoken(page)).toEqual([]);
      await needs.getByRole("button", { name: "Agree" }).first().click();
      await needs.getByText(/to be an admin/).waitFor({ state: "detached" });
      await needs.getByRole("button", { name: "Agree" }).click();
      await needs.waitFor({ state: "detached" });
      expect(await asks(page, "role", "recover_confirm")).toEqual([
        { ask: "role", machine: idOf("studio-nas"), give: ["admin"] },
        { ask: "recover_confirm" },
      ]);
    },
  );

  it("is of no concern to a machine that is no admin", async () => {
    const page = await open("#/activity", { admin: "0", proposals: "1" });
    await page.getByRole("tab", { name: "Events" }).waitFor();
    expect(await page.getByText(/to be an admin/).count()).toBe(0);
  });
});
