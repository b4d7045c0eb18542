import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Makes as many files as it is told to, for one output, or each for its own. Its first attempts end as it is told to. */
interface Order {
  readonly name: string;
  readonly files: number;
  readonly each?: boolean;
  readonly first?: "kill" | "exit" | "hang";
  /** Later attempts go on when there is this file. */
  readonly until?: string;
}

const { name, files, each, first, until } = JSON.parse(readFileSync("kdp_input.json", "utf8")) as Order;
const attempt = Number(process.env["MILLRACE_ATTEMPT"]);
const out = process.argv[process.argv.indexOf("--out") + 1] ?? "";
process.stdout.write(`making ${name}, attempt ${attempt}\n`);
for (let index = 0; index < files; index += 1)
  writeFileSync(join(out, `${name}-${index}.txt`), `${name} ${attempt} ${index}`);
while (attempt > 1 && until !== undefined && !existsSync(until)) await setTimeout(50);
if (attempt === 1 && first === "kill") process.kill(process.pid, "SIGKILL");
if (attempt === 1 && first === "exit") process.exit(3);
if (attempt === 1 && first === "hang") setInterval(() => {}, 1000);
else if (each) writeFileSync("kdp_output.jsonl", linesOf().join("\n"));
else writeFileSync("kdp_output.json", JSON.stringify({ name, attempt }));

function linesOf(): string[] {
  return Array.from({ length: files }, (_, index) =>
    JSON.stringify({ name, attempt, index, files: [`${name}-${index}.txt`] }),
  );
}
