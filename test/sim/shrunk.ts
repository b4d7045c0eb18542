import type { SourceChange } from "./changed-source.ts";

/**
 * Constants of the product that a simulated world is too small to reach. They are made smaller while the source is
 * loaded, so that what they bound happens here as well.
 */
export const SHRUNK: readonly SourceChange[] = [
  // Outputs that are sent before their count is noted.
  { file: "lib/stage/emission.ts", find: "const CHUNK = 500;", replace: "const CHUNK = 3;" },
  // Entries of a history that stay on a lasting job's row.
  { file: "lib/job/lasting.ts", find: "const INLINE_ENTRIES = 16;", replace: "const INLINE_ENTRIES = 4;" },
  { file: "lib/job/lasting.ts", find: "const LEFT_INLINE = 8;", replace: "const LEFT_INLINE = 2;" },
  // The age at which a message that is not done with is sent afresh.
  {
    file: "lib/stage/receive.ts",
    find: "const OLD_MS = 7 * 86_400_000;",
    replace: "const OLD_MS = 12 * 60_000;",
  },
];
