import type { App } from "aws-cdk-lib";
import * as z from "zod";
import { podAllowIn } from "../../lib/cluster/pod-policy.ts";
import { suggest } from "../../lib/definition/suggest.ts";
import { MillraceError } from "../../lib/errors.ts";
import { APP_NAME, APP_NAME_IS } from "../../lib/plan/names.ts";
import type { Nested } from "../../lib/plan/nesting.ts";

/** What a deployment may be told: `cdk deploy -c NAME=VALUE`, or under "context" in cdk.json. Also the README's table. */
export const Options = z.strictObject({
  pipelines: z.string().default("pipelines").meta({
    description: "the definitions: a file, a folder with a `pipeline.yaml`, or a folder of such folders",
  }),
  app: z
    .string()
    .regex(APP_NAME, { error: APP_NAME_IS })
    .default("millrace")
    .meta({ description: "begins every name: two deployments in one account differ in it" }),
  cluster: z.string().min(1).max(100).optional().meta({
    description: "an EKS cluster that exists, for stages with an `image`",
  }),
  clusterEndpoint: z.url().optional().meta({ description: "with `cluster`: the URL of its API server" }),
  clusterCa: z.base64().optional().meta({ description: "with `cluster`: its certificate authority, base64" }),
  agentImage: z.string().min(1).max(512).optional().meta({
    description:
      "with either: the agent's image as the cluster pulls it; without it, `cdk deploy` builds and pushes it, which needs Docker",
  }),
  podAllow: z.string().optional().meta({
    description:
      "[rules](#an-image-as-a-stage) that definitions may break by a `podPatch`, separated by commas; without it, those of `MILLRACE_POD_ALLOW`",
  }),
  newCluster: flag("make an EKS cluster with Auto Mode and a network for it"),
  nested: z
    .union([z.boolean(), z.array(z.string()), z.string().transform(nestedBy)])
    .default(false)
    .meta({
      description:
        "ids of pipelines, separated by commas, or `true` for all: nested stacks from the first stage on, for what will grow beyond 50 edges, since moving there later fails on names that are taken",
    }),
  alarmTopic: z
    .string()
    .regex(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+$/, { error: "the ARN of an SNS topic" })
    .optional()
    .meta({ description: "the SNS topic that alarms report to" }),
  jwtIssuer: z.url().optional().meta({
    description: "operators prove themselves by a JWT of this issuer; without it, by IAM",
  }),
  jwtAudience: z.string().min(1).optional().meta({ description: "with `jwtIssuer`: who the JWT is for" }),
  outputDays: z.coerce.number().int().min(60).optional().meta({
    description:
      "delete stages' outputs (`out/`) after so many days; an older token in the error bucket can then no longer be retried",
  }),
  disposable: flag(
    "for a trial: deleting the stacks deletes table, bucket and queues with all that is in them",
  ),
});
export type Options = z.infer<typeof Options>;

function nestedBy(text: string): Nested {
  if (text === "true" || text === "false") return text === "true";
  return text.split(",").filter((id) => id !== "");
}

/** On the command line it is a text. */
function flag(description: string) {
  return z
    .union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")])
    .default(false)
    .meta({ description });
}

/** Other tools' keys: features of the CDK, and what it looked up. */
const FOREIGN = /[@:/]/;

/** @throws MillraceError naming every option that is unknown or wrong */
export function optionsOf(app: App, env: NodeJS.ProcessEnv = process.env): Options {
  const all = Object.entries(app.node.getAllContext() as Record<string, unknown>);
  const own = all.filter(([name]) => !FOREIGN.test(name));
  const known = Object.keys(Options.shape);
  const result = Options.safeParse(Object.fromEntries(own));
  if (!result.success) {
    const issues = result.error.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => `there is no option "${key}": ${suggest(key, known)}`)
        : [`${issue.path.join(".")}: ${issue.message}`],
    );
    throw new MillraceError("option", issues.join("\n"), { hint: "options are given as: -c NAME=VALUE" });
  }
  const { podAllow = env["MILLRACE_POD_ALLOW"], ...rest } = result.data;
  podAllowIn({ MILLRACE_POD_ALLOW: podAllow });
  const options: Options = podAllow ? { ...rest, podAllow } : rest;
  if ((options.jwtIssuer === undefined) !== (options.jwtAudience === undefined)) {
    throw new MillraceError("option", "jwtIssuer and jwtAudience are given together, or not at all");
  }
  if (options.cluster !== undefined && options.newCluster) {
    throw new MillraceError("option", "a cluster that exists, or a new one: cluster or newCluster, not both");
  }
  return options;
}
