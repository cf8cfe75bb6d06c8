import type { ShareView } from "~/bridge";
import type { Grid } from "~/state";
import { format } from "~/text";
import { localNames, partsOf } from "./paths";
import type { Place } from "./states";

/** The folder of what jobs made, beside the machines. */
const JOBS = "jobs";

/** The share in which a path lies, or which it is. */
export function shareOf(shares: readonly ShareView[], path: string): ShareView | undefined {
  const [machine, share] = partsOf(path);
  return shares.find(({ at }) => {
    const [on, name] = partsOf(at);
    return on === machine && name === share;
  });
}

/** Where something lies. Machines have other names in the tree where two are called the same. */
export function placeOf(grid: Grid, shares: readonly ShareView[], path: string): Place {
  const [on = ""] = partsOf(path);
  const share = shares.find(({ at }) => partsOf(at)[0] === on);
  // Whoever shares nothing is in the tree, too: under its name, unless others are called the same.
  const copies = shareOf(shares, path)?.copies;
  const others = copies?.places.filter(({ machine }) => machine !== share?.machine) ?? [];
  const machine = share === undefined ? grid.machines.find(({ name }) => name === on) : grid.machine(share.machine);
  return {
    machine: share?.machine ?? machine?.id ?? null,
    name: machine?.name ?? share?.machine_name ?? on,
    own: machine?.this ?? false,
    ofJobs: on === JOBS,
    online: machine?.online ?? share?.online ?? true,
    lastSeen: machine?.last_seen ?? null,
    // As many as there are of each file at least.
    ...(copies != null && copies.whole > 0 && others.length > 0
      ? {
          copies: format.some(
            others.map(({ name }) => name),
            2,
          ),
        }
      : {}),
  };
}

/** Where programs of this machine find something: in the folder that is shared, or below the mount. */
export function localPath(shares: readonly ShareView[], mount: string | null, path: string): string | null {
  const share = shareOf(shares, path);
  const own = share?.path ?? null;
  const names = localNames(partsOf(path).slice(own === null ? 0 : 2));
  const base = own ?? mount;
  if (base === null || names === null) return null;
  const separator = base.includes("\\") ? "\\" : "/";
  return [base.replace(/[\\/]$/, ""), ...names].join(separator);
}
