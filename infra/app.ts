import { join, resolve } from "node:path";
import { App } from "aws-cdk-lib";
import { podAllowIn } from "../lib/cluster/pod-policy.ts";
import { requireDefinitions } from "../lib/definition/files.ts";
import { MillraceError } from "../lib/errors.ts";
import { makePlan } from "../lib/plan/plan.ts";
import { bundleAgent } from "./aws/agent-image.ts";
import { bundle } from "./aws/bundle.ts";
import { addChecks } from "./aws/checks.ts";
import { addStacks } from "./aws/deployment.ts";
import { optionsOf } from "./aws/options.ts";

/** The CDK app: `cdk synth`, `cdk deploy`. */

const OUT = join(resolve(import.meta.dirname, ".."), "dist");

async function synthesize(): Promise<void> {
  const app = new App();
  const options = optionsOf(app);
  const podAllow = podAllowIn({ MILLRACE_POD_ALLOW: options.podAllow });
  const plan = makePlan(requireDefinitions([options.pipelines], podAllow), options.app);
  const folders = { code: join(OUT, "code"), agent: join(OUT, "agent") };
  await Promise.all([bundle(plan, folders.code), bundleAgent(folders.agent)]);
  addStacks(app, plan, options, folders);
  addChecks(app);
  app.synth();
}

try {
  await synthesize();
} catch (error) {
  if (!(error instanceof MillraceError)) throw error;
  const hint = error.hint === undefined ? "" : `\n  ${error.hint}`;
  process.stderr.write(`error: ${error.message}${hint}\n`);
  process.exitCode = 1;
}
