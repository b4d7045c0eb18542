import * as z from "zod";
import { isDeadQueue, queueOwner } from "./names.ts";
import type { EdgePlan } from "./plan.ts";

/**
 * What a CloudFormation template says of a deployment's queues
 * (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html).
 */
export interface QueueFacts {
  readonly name: string;
  readonly pipeline: string;
  readonly role: "intake" | "edge" | "dead" | "unknown";
  /** Of an edge. */
  readonly from: string;
  readonly to: string;
  readonly retired: boolean;
  readonly visibilitySeconds: number;
  readonly retentionSeconds: number;
  readonly maxReceiveCount?: number;
}

export interface TemplateFacts {
  readonly queues: readonly QueueFacts[];
  /** Logical ids of queues whose names are no plain text, so that nothing can be said of them. */
  readonly unnamed: readonly string[];
  readonly nested: readonly NestedStack[];
}

export interface NestedStack {
  readonly logicalId: string;
  /** The file beside the template, where CDK has written one. */
  readonly file?: string;
}

/**
 * The note that a template keeps of an edge in the metadata of its queue: a long name is cut, and no attribute tells that an edge is
 * retired.
 */
export const EDGE_NOTE = "Millrace";
export const edgeNote = (pipeline: string, { from, to, retired }: EdgePlan) => ({
  pipeline,
  from,
  to,
  retired: retired ?? false,
});
const EdgeNote = z.object({ pipeline: z.string(), from: z.string(), to: z.string(), retired: z.boolean() });

/** CloudFormation takes numbers as text, too; what is absent has SQS's default. */
const QueueProperties = z.object({
  VisibilityTimeout: z.coerce.number().default(30),
  MessageRetentionPeriod: z.coerce.number().default(345_600),
  RedrivePolicy: z.object({ maxReceiveCount: z.coerce.number() }).optional(),
});
const Template = z.object({
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z.record(z.string(), z.unknown()).default({}),
      Metadata: z.record(z.string(), z.unknown()).default({}),
    }),
    { error: 'it has no map "Resources"' },
  ),
});

/**
 * @param app the prefix of the deployment's names; other queues in the template are not ours
 * @throws ZodError when it is no template
 */
export function templateFacts(template: unknown, app: string): TemplateFacts {
  const resources = Object.entries(Template.parse(template).Resources);
  const queues = resources.filter(([, { Type }]) => Type === "AWS::SQS::Queue");
  return {
    queues: queues.flatMap(([, { Properties, Metadata }]) => queueFacts(Properties, Metadata, app) ?? []),
    unnamed: queues
      .filter(([, { Properties }]) => typeof Properties["QueueName"] !== "string")
      .map(([id]) => id),
    nested: resources
      .filter(([, { Type }]) => Type === "AWS::CloudFormation::Stack")
      .map(([logicalId, { Metadata }]) => {
        const file = Metadata["aws:asset:path"];
        return { logicalId, ...(typeof file === "string" && { file }) };
      }),
  };
}

function queueFacts(
  properties: Record<string, unknown>,
  metadata: Record<string, unknown>,
  app: string,
): QueueFacts | undefined {
  const name = properties["QueueName"];
  if (typeof name !== "string" || !name.startsWith(`${app}_`)) return undefined;
  const note = EdgeNote.safeParse(metadata[EDGE_NOTE]);
  const owner: Owner | undefined = note.success ? { role: "edge", ...note.data } : ownerOf(name, app);
  if (!owner) return undefined;
  const { VisibilityTimeout, MessageRetentionPeriod, RedrivePolicy } = QueueProperties.parse(properties);
  return {
    name,
    ...owner,
    visibilitySeconds: VisibilityTimeout,
    retentionSeconds: MessageRetentionPeriod,
    ...(RedrivePolicy && { maxReceiveCount: RedrivePolicy.maxReceiveCount }),
  };
}

type Owner = Pick<QueueFacts, "role" | "pipeline" | "from" | "to" | "retired">;
const NO_EDGE = { from: "", to: "", retired: false } as const;

function ownerOf(name: string, app: string): Owner | undefined {
  if (isDeadQueue(name)) return { role: "dead", pipeline: "", ...NO_EDGE };
  const owner = queueOwner(app, name);
  if (!owner) return undefined;
  const { kind, pipeline } = owner;
  if (kind === "edge") return { role: kind, pipeline, from: owner.from, to: owner.to, retired: false };
  return { role: kind === "intake" ? kind : "unknown", pipeline, ...NO_EDGE };
}
