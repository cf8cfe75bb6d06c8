// What the browser that we started costs, by the kernel's books. Source: proc(5).
import { readdirSync, readFileSync } from "node:fs";

/** Unit of processor times: `USER_HZ`, which is 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** Megabytes of memory that its processes use, shared pages counted by their share. */
export function memoryMb() {
  const kib = descendants().map(pid => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0));
  return (kib.reduce((sum, one) => sum + one, 0) * 1_024) / 1e6;
}

/** Seconds of processor time that its processes have used. */
export function cpuSeconds() {
  const ticks = descendants().map(pid => {
    const fields = fieldsOf(pid);
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}

/** Processes that we started, and those that they started. */
function descendants() {
  const parents = new Map();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(fieldsOf(name)[1] ?? 0));
  }
  const ours = pid => pid !== undefined && (pid === process.pid || ours(parents.get(pid)));
  return [...parents.keys()].filter(pid => pid !== process.pid && ours(pid));
}

/** Fields of `stat` from the state on. */
function fieldsOf(pid) {
  return read(`/proc/${pid}/stat`).split(")").at(-1).trim().split(" ");
}

/** Empty when the process has ended meanwhile. */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
