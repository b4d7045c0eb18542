import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { png } from "./png.ts";

/**
 * What the image runs: draws a page of text as an editor's overview does, two by three pixels for each character, the
 * darker the more of its square a character fills. It knows nothing of queues or buckets: files come in, files go out.
 *
 * Ends with exit code 4 when the page is no text.
 */

const COLUMNS = 120;
const [CELL_WIDTH, CELL_HEIGHT] = [2, 3];
const NO_TEXT = 4;

const { values } = parseArgs({ options: { in: { type: "string" }, out: { type: "string" } } });
const { in: from = ".", out: to = "." } = values;
const [file] = readdirSync(from).filter((name) => name.endsWith(".txt"));
if (file === undefined) throw new Error(`there is no page in ${from}`);
const text = readFileSync(join(from, file), "utf8");
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const broken = /[\u0000-\u0008\u000e-\u001f]/.exec(text);
if (broken) {
  process.stderr.write(`the page is no text: a control character at ${broken.index}\n`);
  process.exit(NO_TEXT);
}

const lines = text.split("\n");
const [width, height] = [COLUMNS * CELL_WIDTH, lines.length * CELL_HEIGHT];
const pixels = new Uint8Array(width * height).fill(255);
let ink = 0;
for (const [row, line] of lines.entries()) {
  for (const [column, character] of [...line].slice(0, COLUMNS).entries()) {
    const shade = shadeOf(character);
    if (shade < 255) ink += 1;
    for (let y = 0; y < CELL_HEIGHT - 1; y += 1) {
      const start = (row * CELL_HEIGHT + y) * width + column * CELL_WIDTH;
      pixels.fill(shade, start, start + CELL_WIDTH);
    }
  }
}
process.stdout.write(`${file}: ${lines.length} lines, ${ink} characters\n`);
writeFileSync(join(to, file.replace(/\.txt$/, ".png")), png(width, height, pixels));
const input = JSON.parse(readFileSync("kdp_input.json", "utf8")) as object;
writeFileSync("kdp_output.json", JSON.stringify({ ...input, width, height, ink }));

function shadeOf(character: string): number {
  if (character.trim() === "") return 255;
  if (/[.,'`:;_-]/.test(character)) return 190;
  if (/[A-Z0-9#@%&MW]/.test(character)) return 60;
  return 120;
}
