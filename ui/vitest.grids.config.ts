import { defineConfig } from "vitest/config";

/** Tests of the window on real grids: `npm run test:grids`. They need `gridwell` with the window in it. */
export default defineConfig({
  test: {
    include: ["e2e/grids/**/*.test.ts"],
    environment: "node",
    globalSetup: "e2e/grids/setup.ts",
    // Each grid is several nodes on a machine of two cores.
    fileParallelism: false,
    // Only a failure takes this long.
    testTimeout: 90_000,
    // A busy machine answers late; the usual second is no fault of the page.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 60_000,
  },
});
