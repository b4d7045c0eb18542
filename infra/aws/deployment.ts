import type { App } from "aws-cdk-lib";
import type { Plan } from "../../lib/plan/plan.ts";
import { type ClusterAccess, clusterAccess } from "./cluster.ts";
import type { Options } from "./options.ts";
import { PipelineStack } from "./pipeline-stack.ts";
import { PlatformStack } from "./platform-stack.ts";

/** The stacks of a plan. @param code the folder with the code of all functions */
export function addStacks(app: App, plan: Plan, options: Options, code: string): void {
  const cluster = clusterAccess(app, plan, options);
  // Neither account nor region: one template for wherever the credentials of `cdk deploy` lead.
  const platform = new PlatformStack(app, { plan, options, code, cluster });
  for (const pipeline of plan.pipelines) {
    const hasImage = pipeline.stages.some(({ work }) => work.kind === "image");
    const props = { plan, pipeline, options, code };
    const stack = new PipelineStack(
      app,
      cluster && hasImage ? { ...props, cluster: withApi(cluster, platform.apiUrl) } : props,
    );
    stack.addStackDependency(platform);
  }
}

/** Pods are told where the API is by whoever starts them. */
const withApi = (cluster: ClusterAccess, apiUrl: string): ClusterAccess => ({
  ...cluster,
  variables: { ...cluster.variables, MILLRACE_API_URL: apiUrl },
});
