import { readFileSync, writeFileSync } from "node:fs";

// A program by KDP's contract: the token's data is in kdp_input.json, the answer goes into kdp_output.json.
const { text } = JSON.parse(readFileSync("kdp_input.json", "utf8")) as { text: string };
const words = text.split(/\s+/).filter((word) => word !== "");
writeFileSync("kdp_output.json", JSON.stringify({ text, words: words.length }));
