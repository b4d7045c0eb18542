import * as z from "zod";
import type { Reason } from "../../../lib/stage/failure.ts";
import type { Prng } from "../world/prng.ts";
import { isLastingStage, LASTING, type LastingName, STAGES, type StageName } from "./pipeline.ts";

/** What a poisonous token does to the stage that it is meant for, whenever it is worked. */
export const POISONS = ["throw", "reject", "hang", "kill", "output", "input"] as const;
export type Poison = (typeof POISONS)[number];

const REASON_OF: Readonly<Record<Poison, Reason>> = {
  throw: "error",
  reject: "rejected",
  hang: "timeout",
  kill: "crash",
  output: "output-invalid",
  input: "input-invalid",
};

const IN_POD: Readonly<Record<Poison, Reason>> = {
  throw: "exit",
  reject: "exit",
  hang: "timeout",
  kill: "exit",
  output: "exit",
  input: "exit",
};

/** Of a system outside nothing is known but what it reports, or that it does not; of a pod, how it ends. */
const LASTING_REASON: Readonly<Record<LastingName, Readonly<Record<Poison, Reason>>>> = {
  review: {
    throw: "reported",
    reject: "reported",
    hang: "timeout",
    kill: "timeout",
    output: "timeout",
    input: "timeout",
  },
  render: IN_POD,
  bake: IN_POD,
  stamp: {
    ...IN_POD,
    throw: "reported",
    reject: "reported",
    output: "output-missing",
    input: "output-missing",
  },
};

/** Where such a token must end: in the error bucket, for exactly this reason. */
export const reasonOf = (stage: string, how: Poison): Reason =>
  (isLastingStage(stage) ? LASTING_REASON[stage] : REASON_OF)[how];

/** The data of every token of the scenario. */
export const Data = z.object({
  /** Random at each attempt: two attempts never put out the same. */
  nonce: z.string(),
  poison: z.object({ stage: z.enum([...STAGES, ...LASTING]), how: z.enum(POISONS) }).optional(),
  /** What the object says that the token carries. */
  content: z.string().optional(),
  /** Fills an envelope, or a list of outputs, until it spills. */
  padding: z.string().optional(),
});
export type Data = z.infer<typeof Data>;

export const newData = (prng: Prng, poisonRate: number, size: number): Data => ({
  nonce: prng.hex(8),
  ...(prng.chance(poisonRate) && { poison: drawPoison(prng) }),
  ...(size > 0 && { padding: prng.hex(8).repeat(size / 8) }),
});

/** Only `merge` says which data it takes, so that only there a token can be refused for its data. */
function drawPoison(prng: Prng): { stage: StageName | LastingName; how: Poison } {
  const how = prng.pick(POISONS);
  return { how, stage: how === "input" ? "merge" : prng.pick([...STAGES, ...LASTING]) };
}
