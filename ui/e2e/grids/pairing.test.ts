/// <reference types="node" />
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Locator, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { Peer, until } from "./grid";
import { open, useWindows } from "./window";

useWindows();

/** A code that is well-formed and that nobody shows. */
const WRONG = "2222-2222";

let folder: string;
let mill: Peer;
let sandstone: Peer;

/** Two machines that do not know each other. */
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "gridwell-ui-"));
  [mill, sandstone] = ["mill", "sandstone"].map(name => new Peer(name, path.join(folder, name))) as [Peer, Peer];
  await Promise.all([mill.boot(), sandstone.boot()]);
});

afterEach(async () => {
  await Promise.all([mill.kill(), sandstone.kill()]);
  await rm(folder, { recursive: true, force: true });
});

describe("two machines", () => {
  it("pair by a code that one shows and the other enters, by the same words and a yes", async () => {
    const [host, guest] = [await open(mill, "#/jobs"), await open(sandstone, "#/jobs")];
    const { code, address } = await showCode(host);

    await enter(guest, code.toLowerCase().replace("-", " "), address);

    const here = await words(guest.getByRole("dialog", { name: "Pair machine" }));
    const asked = question(host);
    expect(here.length).toBe(4);
    expect(await words(asked)).toEqual(here);
    expect(await machines(mill)).toEqual(["mill"]);
    await asked.getByRole("button", { name: "Yes, pair" }).click();
    await sheet(host)
      .getByText(/sandstone.* is paired\./)
      .waitFor();
    await guest.getByText(/This machine is paired with .*mill/).waitFor();
    for (const page of [host, guest]) await page.keyboard.press("Escape");
    await lists(host, ["mill", "sandstone"]);
    await lists(guest, ["mill", "sandstone"]);
  });

  it("find each other on the network: a code is enough", async () => {
    const [host, guest] = [await open(mill, "#/jobs"), await open(sandstone, "#/jobs")];
    const { code } = await showCode(host);
    await openSheet(guest);
    const found = guest.getByRole("radio", { name: /^mill/ });
    await until("the other machine is in sight", async () => {
      if (await found.isVisible()) return true;
      await guest.getByRole("button", { name: "Look again" }).click();
      return false;
    });
    // Chosen already where it is the only one, which it need not be on a machine that tests other grids.
    await found.check();

    await enter(guest, code, "");

    await question(host).getByRole("button", { name: "Yes, pair" }).click();
    await guest.getByText(/This machine is paired with .*mill/).waitFor();
    await lists(guest, ["mill", "sandstone"]);
  });

  it("pair by a link that was pasted, while the sheet of the other one is closed", async () => {
    const [host, guest] = [await open(mill, "#/jobs"), await open(sandstone, "#/jobs")];
    const { link } = JSON.parse(await mill.cli("--json", "pair", "show")) as { link: string };

    await enter(guest, link, "");

    const asked = question(host);
    expect(await words(asked)).toEqual(await words(sheet(guest)));
    await asked.getByRole("button", { name: "Yes, pair" }).click();
    await guest.getByText(/This machine is paired with .*mill/).waitFor();
    await lists(host, ["mill", "sandstone"]);
  });

  it("show one code: that of the newest window, or of the command line", async () => {
    const [first, second] = [await open(mill, "#/jobs"), await open(mill, "#/jobs")];
    const another = (page: Page): Locator => sheet(page).getByText(/shows another code now/);
    await showCode(first);
    await showCode(second);
    await another(first).waitFor();
    expect(await first.locator(".code").count()).toBe(0);
    expect(await second.locator(".code").count()).toBe(1);
    await mill.cli("pair", "show", "--json");
    await another(second).waitFor();
    await first.getByRole("button", { name: "Show another code" }).click();
    await first.locator(".code").waitFor();
    await mill.cli("pair", "hide");
    await sheet(first).getByText("This code was taken back and is not good any more.").waitFor();
  });

  it("do not pair after a no, which both say; the question is gone from every window", async () => {
    const [host, other, guest] = [await open(mill, "#/jobs"), await open(mill), await open(sandstone, "#/jobs")];
    const { code, address } = await showCode(host);
    await enter(guest, code, address);
    await question(other).waitFor();

    await question(host).getByRole("button", { name: "No", exact: true }).click();

    await guest.getByText("The other machine did not let this one in.").waitFor();
    for (const page of [host, other]) {
      await page
        .getByText(/sandstone.* was refused and is not paired\./)
        .first()
        .waitFor();
      await question(page).waitFor({ state: "detached" });
    }
    expect([await machines(mill), await machines(sandstone)]).toEqual([["mill"], ["sandstone"]]);
  });

  it("do not pair by a wrong code, which ends the right one; both say so", async () => {
    const [host, guest] = [await open(mill, "#/jobs"), await open(sandstone, "#/jobs")];
    const { code, address } = await showCode(host);

    await enter(guest, WRONG, address);

    await guest.getByText("The pairing code is wrong, or not good any more after a wrong guess.").waitFor();
    await sheet(host).getByText("Somebody typed a wrong code, so this one is not good any more.").waitFor();
    await sheet(host)
      .getByText(/A wrong code was typed on sandstone/)
      .waitFor();
    await enter(guest, code, address);
    await guest.getByText("Somebody tried a wrong code on mill before, so this one is not good any more.").waitFor();
    expect([await machines(mill), await machines(sandstone)]).toEqual([["mill"], ["sandstone"]]);
    await host.getByRole("button", { name: "Show another code" }).click();
    await host.getByRole("img", { name: "The pairing link as a QR code" }).waitFor();
  });

  it("do not pair by a link or code whose time is over, which is said", async () => {
    const guest = await open(sandstone, "#/jobs");
    const { link, code, addresses } = JSON.parse(await mill.cli("--json", "pair", "show", "--for", "1s")) as {
      link: string;
      code: string;
      addresses: string[];
    };
    await until("its time is over", async () => {
      const { code_until } = await mill.json<{ code_until: number | null }>("pair", "list");
      return code_until === null;
    });
    await enter(guest, link, "");
    await guest.getByText(/^The time of this .*link is over\./).waitFor();
    const again = await open(sandstone, "#/jobs");
    await enter(again, code, addresses[0]!);
    await again.getByText(/^The time of this .*link is over\./).waitFor();
    expect([await machines(mill), await machines(sandstone)]).toEqual([["mill"], ["sandstone"]]);
  });

  it("do not pair by a link that was used already, which is said", async () => {
    const host = await open(mill, "#/jobs");
    const { link } = JSON.parse(await mill.cli("--json", "pair", "show")) as { link: string };
    const late = new Peer("quarry", path.join(folder, "quarry"));
    await late.boot();
    try {
      const guest = await open(sandstone, "#/jobs");
      await enter(guest, link, "");
      await question(host).getByRole("button", { name: "Yes, pair" }).click();
      await guest.getByText(/This machine is paired with .*mill/).waitFor();

      const latecomer = await open(late, "#/jobs");
      await enter(latecomer, link, "");

      await latecomer.getByText("This pairing link was used already.").waitFor();
      expect(await machines(late)).toEqual(["quarry"]);
      expect(await machines(mill)).toEqual(["mill", "sandstone"]);
    } finally {
      await late.kill();
    }
  });

  it("forget the question when the one that asks gives up", async () => {
    const [host, guest] = [await open(mill, "#/jobs"), await open(sandstone, "#/jobs")];
    const { code, address } = await showCode(host);
    await enter(guest, code, address);
    await question(host).waitFor();

    await sheet(guest).getByRole("button", { name: "Cancel" }).click();

    await guest.getByRole("textbox", { name: "Code or link" }).waitFor();
    await host
      .getByText(/sandstone.* is not paired: it gave up or went away\./)
      .first()
      .waitFor();
    await question(host).waitFor({ state: "detached" });
  });
});

function sheet(page: Page): Locator {
  return page.getByRole("dialog", { name: "Pair machine" });
}

function question(page: Page): Locator {
  return page.getByRole("dialog", { name: /sandstone.* wants to join/ });
}

async function openSheet(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).fill("pair machine");
  await page.keyboard.press("Enter");
  await sheet(page).waitFor();
}

/** Shows a code; what a person reads there. */
async function showCode(page: Page): Promise<{ code: string; address: string }> {
  await openSheet(page);
  await page.getByRole("button", { name: "Show code" }).click();
  const code = await page.locator(".code [aria-hidden]").textContent();
  const address = await page
    .getByText("If the other machine does not find this one, its address is:")
    .locator("bdi")
    .textContent();
  return { code: code ?? "", address: address ?? "" };
}

async function enter(page: Page, typed: string, address: string): Promise<void> {
  if (!(await sheet(page).isVisible())) await openSheet(page);
  if (address !== "") {
    await page.getByRole("radio", { name: "Another one, by its address" }).check();
    await page.getByRole("textbox", { name: "Address of the other machine" }).fill(address);
  }
  await page.getByRole("textbox", { name: "Code or link" }).fill(typed);
  await page.keyboard.press("Enter");
}

async function words(where: Locator): Promise<string[]> {
  const list = where.getByRole("list", { name: "The four words" });
  await list.waitFor();
  return list.getByRole("listitem").allTextContents();
}

async function machines(peer: Peer): Promise<string[]> {
  return (await peer.json<{ name: string }[]>("machines")).map(machine => machine.name).sort();
}

/** The window lists these machines, all of them there. */
async function lists(page: Page, names: readonly string[]): Promise<void> {
  // No key reaches the screen behind a question.
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("3");
  await until(`the window lists ${names.join(", ")}`, async () => {
    const text = await page.getByRole("main").innerText();
    return names.every(name => text.includes(name)) && !text.includes("Offline");
  });
}
