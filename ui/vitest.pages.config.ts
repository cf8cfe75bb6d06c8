import { defineConfig } from "vitest/config";

/** Tests of whole pages in Chromium: `npm run test:pages`. They need `dist-lab`, which that script builds first. */
export default defineConfig({
  test: {
    include: ["e2e/pages/**/*.test.ts"],
    environment: "node",
    globalSetup: "e2e/pages/setup.ts",
    // One browser on a machine of two cores: pages side by side only slow each other down.
    fileParallelism: false,
    // Reading Playwright takes half a second, for each file anew.
    isolate: false,
    testTimeout: 30_000,
    // A busy machine answers late; the usual second is no fault of the page.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 30_000,
  },
});
