import { runSeeds, type Task } from "./fleet.ts";
import { HELP, type Options, readOptions } from "./options.ts";
import { isGood, summarize, textOf } from "./report.ts";

/**
 * The seeded simulation: the product's own code, run against models of AWS in virtual time, with everything going wrong
 * that can.
 *
 *     world/      time, chance, sandboxes, requests and their faults, Lambda, event sources
 *     services/   models of SQS, DynamoDB and S3 behind the SDK's clients, and of a cluster
 *     scenario/   a pipeline with its user code, what arrives, people at the error bucket, systems outside, pods
 *     witness/    what is true, what must hold of it, and which branches were reached
 *     faults.ts   what goes wrong, and how often
 *     *mutants.ts planted bugs that must be found
 *
 * To add a path (gates, joins):
 *  1. a model of the service that it talks to, in services/, behind the `send` of its client; every request goes through
 *     `world/transport.ts` and so gets all of its faults;
 *  2. its functions in world/functions.ts, put together as functions/ does it, and what drives them, in
 *     scenario/deployment.ts;
 *  3. stages or edges that take the path in scenario/pipeline.ts, with user code in scenario/stages.ts;
 *  4. its own kinds of fault in faults.ts, struck where they happen;
 *  5. its invariants in witness/: rules of a single write in row-rules.ts, what must hold at rest in final-checks.ts;
 *  6. a probe for each crash point and rare branch in witness/probes.ts;
 *  7. a mutant for each way to get it wrong, in mutants.ts. One that is not found shows what is missing in 4 or 5.
 */

const USAGE = 2;

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nsee --help\n`);
    return USAGE;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return simulateAll(options);
}

async function simulateAll({ json, ...options }: Options): Promise<number> {
  const started = performance.now();
  const results = await runSeeds({ ...options, ...watching(options), ...progress(options.seeds.length) });
  const seconds = (performance.now() - started) / 1000;
  const summary = summarize(results, options.mutant);
  process.stdout.write(json ? `${JSON.stringify({ seconds, ...summary })}\n` : textOf(summary, seconds));
  return isGood(summary) ? 0 : 1;
}

/** A planted bug needs to be found once. */
const watching = ({ mutant }: Pick<Options, "mutant">): Pick<Task, "isEnough"> =>
  mutant === undefined ? {} : { isEnough: ({ violations }) => violations.length > 0 };

/** A line that counts, for whoever watches a terminal. */
function progress(total: number): Pick<Task, "onResults"> {
  if (!process.stderr.isTTY || total === 1) return {};
  let done = 0;
  let bad = 0;
  return {
    onResults: (results) => {
      done += results.length;
      bad += results.filter(({ violations }) => violations.length > 0).length;
      process.stderr.write(
        `\r${done} of ${total} seeds, ${bad} with violations${done === total ? "\n" : ""}`,
      );
    },
  };
}

process.exitCode = await main(process.argv.slice(2));
