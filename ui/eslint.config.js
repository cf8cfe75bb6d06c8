import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

/**
 * Which folder of `src/` may use which (README, "Tiers"). `~/shell/*.ts` is open to views; its components are not.
 */
const TIERS = {
  bridge: [],
  text: ["bridge"],
  state: ["bridge"],
  parts: ["text"],
  scene: ["bridge", "parts", "state", "text"],
  jobs: ["bridge", "parts", "state", "text", "shell"],
  peers: ["bridge", "parts", "state", "text", "shell"],
  blobs: ["bridge", "parts", "state", "text", "shell"],
  lending: ["parts", "state", "text"],
  views: ["bridge", "parts", "state", "text", "shell", "jobs", "peers", "blobs", "lending", "scene", "views"],
  shell: ["bridge", "parts", "state", "text", "jobs", "peers", "blobs"],
};

const ALL = Object.keys(TIERS);

function tier([folder, allowed]) {
  const barred = ALL.filter(other => other !== folder && !allowed.includes(other));
  const patterns = barred.map(other => ({
    group: [`~/${other}`, `~/${other}/**`, `**/../${other}/**`],
    message: `${folder}/ may not use ${other}/ (see README, "Tiers").`,
  }));
  if (folder !== "shell" && allowed.includes("shell")) {
    patterns.push({ group: ["~/shell/*.svelte"], message: "Only App composes the shell; use its .ts modules." });
  }
  if (folder !== "bridge") {
    patterns.push({ group: ["@tauri-apps/**"], message: "Only bridge/ knows transports." });
  }
  if (folder !== "scene") {
    patterns.push({ group: ["d3-*"], message: "Only scene/ draws with d3." });
  }
  return {
    files: [`src/${folder}/**/*.{ts,svelte}`],
    ignores: ["**/*.test.ts"],
    rules: { "no-restricted-imports": ["error", { patterns }] },
  };
}

export default ts.config(
  { ignores: ["dist", "dist-lab", "shots", "src/text/paraglide", "src/bridge/api.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "no-console": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"] } },
    rules: {
      // Everything from other machines is text.
      "svelte/no-at-html-tags": "error",
      "svelte/require-each-key": "error",
      // Maps that nothing on screen reads are plain.
      "svelte/prefer-svelte-reactivity": "off",
      // Hash routes need no base path.
      "svelte/no-navigation-without-resolve": "off",
      // Props are declared with `let`.
      "prefer-const": "off",
      "svelte/prefer-const": "off",
    },
  },
  {
    files: ["src/lab/**", "scripts/**", "e2e/**", "*.config.*"],
    languageOptions: { globals: globals.node },
    rules: { "no-console": "off" },
  },
  ...Object.entries(TIERS).map(tier),
);
