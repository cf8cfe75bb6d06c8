import { beforeEach } from "vitest";

import { setLocale } from "./locale.svelte";

// All tests share one process, and the locale with it.
beforeEach(() => setLocale("en"));
