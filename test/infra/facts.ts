import { resourcesOf, type Template } from "../../infra/aws/template.ts";
import { resolved } from "./stacks.ts";

/** What a deployment's templates say, in the terms in which the local runtime can be asked. */
export interface Facts {
  /** Attributes by queue, as SQS names them. */
  readonly queues: Record<string, Record<string, string>>;
  readonly sources: readonly SourceFacts[];
  readonly functions: Record<string, FunctionFacts>;
  /** `METHOD path` and who may call it. */
  readonly routes: Record<string, string>;
  /** EventBridge's patterns of keys, by the queue that they lead to. */
  readonly uploads: Record<string, readonly KeyPattern[]>;
}

export interface SourceFacts {
  readonly queue: string;
  readonly functionName: string;
  readonly batchSize: number;
  readonly batchSeconds?: number;
  readonly maxConcurrency?: number;
}

export interface FunctionFacts {
  readonly module: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly env: Record<string, string>;
}

export type KeyPattern = { readonly prefix: string } | { readonly wildcard: string };

export function factsOf(templates: Iterable<Template>): Facts {
  const facts = { queues: {}, sources: [], functions: {}, routes: {}, uploads: {} };
  return [...templates].reduce<Facts>(
    (sum, template) => ({
      queues: { ...sum.queues, ...queuesOf(template) },
      sources: [...sum.sources, ...sourcesOf(template)],
      functions: { ...sum.functions, ...functionsIn(template) },
      routes: { ...sum.routes, ...routesOf(template) },
      uploads: { ...sum.uploads, ...uploadsOf(template) },
    }),
    facts,
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a template is anything
type Properties = any;

/** The properties of a type's resources, with what they refer to as logical ids. */
const each = (template: Template, type: string): Properties[] =>
  resourcesOf(template, type).map(([, { Properties }]) => resolved(Properties));

const nameOf = (template: Template, id: string, property: string): string =>
  String(resolved(template.Resources[id]?.Properties?.[property]));

const queuesOf = (template: Template) =>
  Object.fromEntries(
    each(template, "AWS::SQS::Queue").map((queue: Properties) => [
      queue.QueueName,
      {
        VisibilityTimeout: String(queue.VisibilityTimeout),
        MessageRetentionPeriod: String(queue.MessageRetentionPeriod),
        ...(queue.RedrivePolicy && {
          deadLetterQueue: nameOf(template, queue.RedrivePolicy.deadLetterTargetArn, "QueueName"),
          maxReceiveCount: String(queue.RedrivePolicy.maxReceiveCount),
        }),
      },
    ]),
  );

const sourcesOf = (template: Template): SourceFacts[] =>
  each(template, "AWS::Lambda::EventSourceMapping").map((source: Properties) => ({
    queue: nameOf(template, source.EventSourceArn, "QueueName"),
    functionName: nameOf(template, source.FunctionName, "FunctionName"),
    batchSize: source.BatchSize,
    ...(source.MaximumBatchingWindowInSeconds && { batchSeconds: source.MaximumBatchingWindowInSeconds }),
    ...(source.ScalingConfig && { maxConcurrency: source.ScalingConfig.MaximumConcurrency }),
  }));

const functionsIn = (template: Template): Record<string, FunctionFacts> =>
  Object.fromEntries(
    each(template, "AWS::Lambda::Function").map((fn: Properties) => [
      fn.FunctionName,
      {
        module: /^functions\/(.+)\.handler$/.exec(fn.Handler)?.[1] ?? fn.Handler,
        timeoutSeconds: fn.Timeout,
        memoryMb: fn.MemorySize,
        env: fn.Environment?.Variables ?? {},
      },
    ]),
  );

const routesOf = (template: Template): Record<string, string> =>
  Object.fromEntries(
    each(template, "AWS::ApiGatewayV2::Route").map(({ RouteKey, AuthorizationType }: Properties) => [
      RouteKey,
      AuthorizationType,
    ]),
  );

const uploadsOf = (template: Template): Record<string, KeyPattern[]> =>
  Object.fromEntries(
    each(template, "AWS::Events::Rule")
      .filter(({ EventPattern }) => EventPattern.source[0] === "aws.s3")
      .map(({ EventPattern, Targets }: Properties) => [
        nameOf(template, Targets[0].Arn, "QueueName"),
        EventPattern.detail.object.key,
      ]),
  );
