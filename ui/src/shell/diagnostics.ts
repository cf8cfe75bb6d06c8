import { Refusal } from "~/bridge";
import type { Grid } from "~/state";
import { VERSION } from "./version";

/**
 * What someone who helps needs to know, as text: versions, how the window stands, what each machine and link says.
 * No paths, no addresses, no names of jobs: people paste it where others read it.
 */
export async function diagnostics(grid: Grid): Promise<string> {
  const [status, doctor] = await Promise.all([
    grid.ask({ ask: "status" }).catch(refused),
    grid.ask({ ask: "doctor" }).catch(refused),
  ]);
  const { kind, os } = grid.bridge.platform;
  const node =
    "code" in status
      ? [status.code]
      : [
          `${status.version}, up ${Math.round(status.uptime_secs)} s`,
          `${status.active_jobs} jobs, ${status.running} tasks`,
        ];
  const findings =
    "code" in doctor
      ? [doctor.code]
      : doctor.findings.map(({ ok, what, next_step }) => `${ok ? "ok     " : "PROBLEM"} ${what} ${next_step}`.trim());
  const machines = grid.machines.map(({ name, state, version, hardware, accepts, why_not }) =>
    [name, state, version, hardware.os_name, hardware.arch, accepts ? "" : `takes nothing: ${why_not}`]
      .filter(part => part !== "")
      .join(", "),
  );
  const links = grid.links.map(
    ({ name, state, policy, rtt_ms }) => `${name}: ${state}, ${policy}, ${rtt_ms ?? "?"} ms`,
  );
  return [
    `Gridwell ${VERSION} (${kind}, ${os})`,
    navigator.userAgent,
    `screen ${window.innerWidth}x${window.innerHeight} at ${window.devicePixelRatio}`,
    `window ${grid.connection.state}`,
    ...section("node", node),
    ...section("check-up", findings),
    ...section("machines", machines),
    ...section("links", links),
    "",
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return ["", `${title}:`, ...lines.map(line => `  ${line}`)];
}

function refused(thrown: unknown): Refusal {
  return Refusal.from(thrown);
}
