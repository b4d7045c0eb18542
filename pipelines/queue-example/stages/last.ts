import { writeFileSync } from "node:fs";

// The same contract, with the data from the environment variable that KDP also sets.
const { text, words } = JSON.parse(process.env["KDP_INPUT"] ?? "null") as { text: string; words: number };
writeFileSync(
  "kdp_output.json",
  JSON.stringify({ summary: `${words} words`, first: text.split(/\s+/)[0] ?? "" }),
);
