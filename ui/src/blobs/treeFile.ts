import type { FileView } from "~/bridge";

/** Something in the tree, and what of it is here as far as the node tells. */
export type TreeFile = FileView & { here_bytes?: number | null; kept?: boolean };
