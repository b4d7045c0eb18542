import type { App } from "aws-cdk-lib";
import type { Plan } from "../../lib/plan/plan.ts";
import type { Options } from "./options.ts";
import { PipelineStack } from "./pipeline-stack.ts";
import { PlatformStack } from "./platform-stack.ts";

/** The stacks of a plan. @param code the folder with the code of all functions */
export function addStacks(app: App, plan: Plan, options: Options, code: string): void {
  // Neither account nor region: one template for wherever the credentials of `cdk deploy` lead.
  const platform = new PlatformStack(app, { plan, options, code });
  for (const pipeline of plan.pipelines) {
    new PipelineStack(app, { plan, pipeline, options, code }).addStackDependency(platform);
  }
}
