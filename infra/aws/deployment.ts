import type { App } from "aws-cdk-lib";
import { suggest } from "../../lib/definition/suggest.ts";
import { MillraceError } from "../../lib/errors.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { type ClusterAccess, clusterAccess } from "./cluster.ts";
import type { Options } from "./options.ts";
import { PipelineStack } from "./pipeline-stack.ts";
import { PlatformStack } from "./platform-stack.ts";

/** What the stacks are made from, bundled. */
export interface Folders {
  /** The code of all functions. */
  readonly code: string;
  /** What the agent's image is built from; used when a stage runs in a cluster and no image is given. */
  readonly agent: string;
}

/** The stacks of a plan. */
export function addStacks(app: App, plan: Plan, options: Options, { code, agent }: Folders): void {
  requireKnown(options, plan);
  const cluster = clusterAccess(app, plan, options);
  // Neither account nor region: one template for wherever the credentials of `cdk deploy` lead.
  const platform = new PlatformStack(app, { plan, options, code, agent, cluster });
  for (const pipeline of plan.pipelines) {
    const hasImage = pipeline.stages.some(({ work }) => work.kind === "image");
    const props = { plan, pipeline, options, code };
    const stack = new PipelineStack(
      app,
      cluster && hasImage ? { ...props, cluster: withPlatform(cluster, platform) } : props,
    );
    stack.addStackDependency(platform);
  }
}

/** @throws MillraceError when `nested` names a pipeline that is not there */
function requireKnown({ nested }: Options, { pipelines }: Plan): void {
  const ids = pipelines.map(({ id }) => id);
  const unknown = typeof nested === "boolean" ? undefined : nested.find((id) => !ids.includes(id));
  if (unknown === undefined) return;
  throw new MillraceError("option", `nested: there is no pipeline "${unknown}": ${suggest(unknown, ids)}`);
}

/** Pods are told where the API is by whoever starts them, and hold the agent. */
const withPlatform = (cluster: ClusterAccess, { podVariables }: PlatformStack): ClusterAccess => ({
  ...cluster,
  variables: { ...cluster.variables, ...podVariables },
});
