import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { type Swept, sweep } from "../lib/cluster/sweep.ts";
import { readEnv, SweepEnv } from "../lib/env.ts";
import { clusterAssembly } from "./assembly/cluster.ts";

const { dependencies } = await clusterAssembly(readEnv(SweepEnv), { function: "sweep" });

/** Looks after every Job of the deployment; a schedule calls it. */
export const handler = middy(async (_event: unknown, context: Context): Promise<Swept> => {
  const hasTime = (): boolean => context.getRemainingTimeInMillis() > 5000;
  const swept = await sweep({ ...dependencies, hasTime });
  dependencies.log("info", "swept", swept);
  return swept;
});
