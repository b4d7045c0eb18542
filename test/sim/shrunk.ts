import type { SourceChange } from "./changed-source.ts";

/**
 * Constants of the product that a simulated world is too small to reach. They are made smaller while the source is
 * loaded, so that what they bound happens here as well.
 */
export const SHRUNK: readonly SourceChange[] = [
  // Outputs that are sent before their count is noted.
  { file: "lib/stage/emission.ts", find: "const CHUNK = 500;", replace: "const CHUNK = 3;" },
  // The age at which a message that is not done with is sent afresh.
  {
    file: "lib/stage/light.ts",
    find: "const OLD_MS = 7 * 86_400_000;",
    replace: "const OLD_MS = 12 * 60_000;",
  },
];
