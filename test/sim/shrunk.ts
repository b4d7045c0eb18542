import type { SourceChange } from "./changed-source.ts";

/**
 * Constants of the product that a simulated world is too small to reach. They are made smaller while the source is
 * loaded, so that what they bound happens here as well.
 */
export const SHRUNK: readonly SourceChange[] = [
  // Outputs that are sent before their count is noted.
  { file: "lib/stage/emission.ts", find: "const CHUNK = 500;", replace: "const CHUNK = 3;" },
];
