import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants.ts";

export interface Options {
  readonly seeds: readonly number[];
  readonly trace: boolean;
  readonly mutant: string | undefined;
  readonly processes: number | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

export const HELP = `usage: node test/sim/main.ts [options]

  --seeds N      run so many seeds (default 200)
  --from S       beginning with this one (default 1)
  --seed S       run this one
  --trace        print the event log (with --seed)
  --mutant NAME  plant a bug first, and stop at the first seed that finds it
  --processes N  share the seeds among so many processes (default: one for each core)
  --json         print the results as JSON
  --help         print this

exit codes: 0 nothing was violated · 1 something was, or no seed reached a branch that must be reached · 2 usage

mutants: ${MUTANTS.map(({ name }) => name).join(", ")}
`;

const DEFAULT_SEEDS = 200;

/** @throws Error naming the option that is wrong */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      trace: { type: "boolean", default: false },
      mutant: { type: "string" },
      processes: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { trace, mutant, json, help } = values;
  const single = wholeNumber("seed", values.seed);
  const count = single === undefined ? (wholeNumber("seeds", values.seeds) ?? DEFAULT_SEEDS) : 1;
  const from = single ?? wholeNumber("from", values.from) ?? 1;
  if (trace && single === undefined) throw new Error("--trace needs --seed: it prints one seed's event log");
  if (mutant !== undefined && !MUTANTS.some(({ name }) => name === mutant))
    throw new Error(`there is no mutant "${mutant}"`);
  return {
    seeds: Array.from({ length: count }, (_, index) => from + index),
    trace,
    mutant,
    processes: wholeNumber("processes", values.processes),
    json,
    help,
  };
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name} is a whole number from 1 up, got "${text}"`);
  return Number(text);
}
