import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "test/no-process-left.ts",
    // What is waited for comes; how soon is the machine's affair. One second, the default, is too little under load.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000 } },
      {
        extends: true,
        test: { name: "contract", include: ["test/contract/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: "infra",
          include: ["test/infra/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // The CDK's own validator costs seconds for every template; test/infra/synth.test.ts is its test.
          env: { CDK_VALIDATION: "false" },
        },
      },
      { extends: true, test: { name: "local", include: ["test/local/**/*.test.ts"], testTimeout: 180_000 } },
      { extends: true, test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 180_000 } },
    ],
    benchmark: { include: ["test/**/*.bench.ts"] },
  },
});
