import { enableCompileCache } from "node:module";
import { changeOnLoad } from "./changed-source.ts";
import { MUTANTS } from "./mutants.ts";
import { SHRUNK } from "./shrunk.ts";

/**
 * A process that runs seeds for its parent. The product is loaded here, after its source has been changed, and nowhere
 * else in the command line: sources that are loaded cannot be changed any more.
 */
enableCompileCache();

const [name] = process.argv.slice(2);
const mutant = MUTANTS.find((each) => each.name === name);
if (name !== undefined && !mutant) throw new Error(`there is no mutant ${name}`);

const checkChanges = changeOnLoad([...SHRUNK, ...(mutant ? [mutant] : [])]);
const { simulate } = await import("./simulation.ts");
checkChanges();

/** What the parent asks for. */
export interface Assignment {
  readonly seeds: readonly number[];
  readonly trace: boolean;
}

process.on("message", ({ seeds, trace }: Assignment) => {
  void run(seeds, trace);
});

async function run(seeds: readonly number[], trace: boolean): Promise<void> {
  const results = [];
  for (const seed of seeds) results.push(await simulate(seed, trace ? print : undefined));
  process.send?.(results);
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
