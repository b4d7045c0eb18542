import middy from "@middy/core";
import type { Context, EventBridgeEvent } from "aws-lambda";
import { fileIndex } from "../lib/archive/file-index.aws.ts";
import { onStateChanged } from "../lib/archive/state-changed.ts";
import { ArchiveEnv, readEnv } from "../lib/env.ts";
import type { StateChanged } from "../lib/job/announce.ts";
import { happen } from "../lib/stage/lasting.ts";
import { lastingAssembly } from "./assembly/lasting.ts";

const env = readEnv(ArchiveEnv);
const { dependencies: lasting, documents, archive } = lastingAssembly(env, { function: "archive" });
const dependencies = { ...lasting, files: fileIndex(documents, lasting.plan.table), archive };

/** What it keeps for reporting, and for the file under way. */
const RESERVE_MS = 20_000;

/** Indexes what a job has archived, when its state says so: the target of `job.state-changed`. */
export const handler = middy(
  async (
    { detail }: EventBridgeEvent<"job.state-changed", StateChanged>,
    context: Context,
  ): Promise<void> => {
    const hasTime = (): boolean => context.getRemainingTimeInMillis() > RESERVE_MS;
    const all = { ...dependencies, hasTime };
    await onStateChanged(detail, { ...all, happen: (row, call) => happen(row, call, all) });
  },
);
