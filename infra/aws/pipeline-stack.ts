import { Annotations, type App, NestedStack, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { type AssetCode, Code as LambdaCode } from "aws-cdk-lib/aws-lambda";
import { type ILogGroup, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { functionsOf } from "../../lib/plan/functions.ts";
import { logGroupName, pipelineStackName } from "../../lib/plan/names.ts";
import { EDGES_IN_ONE_STACK, isNested, MANY_EDGES } from "../../lib/plan/nesting.ts";
import type { PipelinePlan, Plan } from "../../lib/plan/plan.ts";
import { pipelineDirectory } from "./bundle.ts";
import { chunkOf } from "./chunks.ts";
import type { ClusterAccess } from "./cluster.ts";
import { dashboard } from "./dashboard.ts";
import { FedFunction } from "./fed-function.ts";
import type { Options } from "./options.ts";
import { type FeedQueue, requireTls } from "./queues.ts";
import { bringUploads, takesUploads } from "./uploads.ts";

export interface PipelineStackProps extends StackProps {
  readonly plan: Plan;
  readonly pipeline: PipelinePlan;
  readonly options: Options;
  /** The folder with the code of all functions. */
  readonly code: string;
  /** Absent when no stage runs in one. */
  readonly cluster?: ClusterAccess | undefined;
}

/** The part of a pipeline that is in one template. */
interface Chunk {
  readonly stack: Stack;
  readonly code: AssetCode;
  readonly logs: ILogGroup;
  readonly queues: FeedQueue[];
}

const manyEdges = ({ id, edges }: PipelinePlan): string =>
  `the pipeline "${id}" has ${edges.length} edges, and beyond ${EDGES_IN_ONE_STACK} it could not be deployed over itself. If it will grow, and is not deployed yet, begin in nested stacks: -c nested=${id}; if it is, put what is to come into a pipeline of its own`;

/** What can be deleted and made again: a pipeline's queues, functions and alarms. Its rows and objects are the platform's. */
export class PipelineStack extends Stack {
  readonly #chunks = new Map<number | undefined, Chunk>();
  readonly #code: string;
  readonly #logs: LogGroup;

  constructor(app: App, { plan, pipeline, options, code, cluster, ...props }: PipelineStackProps) {
    const stackName = pipelineStackName(plan.app, pipeline.id);
    super(app, stackName, { ...props, stackName, description: `Millrace: the pipeline ${pipeline.id}` });
    if (pipeline.edges.length >= MANY_EDGES && !isNested(pipeline, options.nested)) {
      Annotations.of(this).addWarningV2("millrace:many-edges", manyEdges(pipeline));
    }
    this.#code = code;
    const group = logGroupName(plan.app, pipeline.id);
    this.#logs = new LogGroup(this, "Logs", {
      logGroupName: group,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const functions = functionsOf(pipeline, pipelineDirectory(pipeline.id));
    for (const fed of functions) {
      const chunk = this.#chunk(
        fed.stage === undefined ? undefined : chunkOf(pipeline, fed.stage, options),
        group,
      );
      const around = { plan, options, code: chunk.code, logs: chunk.logs, logGroup: group, cluster };
      const { queues } = new FedFunction(chunk.stack, fed.stage ?? fed.module, fed, pipeline, around);
      const [intake] = queues;
      if (fed.stage === undefined && intake && takesUploads(pipeline))
        bringUploads(this, plan.app, pipeline, intake);
      else chunk.queues.push(...queues);
    }
    for (const { stack, queues } of this.#chunks.values()) requireTls(stack, plan.app, queues);
    dashboard(this, stackName, pipeline, functions);
  }

  /** This stack, or a nested one that is made when something is to be put into it. */
  #chunk(number: number | undefined, group: string): Chunk {
    const existing = this.#chunks.get(number);
    if (existing) return existing;
    const stack = number === undefined ? this : new NestedStack(this, `Chunk${number}`);
    // By name: nothing passes between the stacks but the order in which they are made.
    if (stack !== this) stack.node.addDependency(this.#logs);
    const logs = stack === this ? this.#logs : LogGroup.fromLogGroupName(stack, "Logs", group);
    const chunk = { stack, code: LambdaCode.fromAsset(this.#code), logs, queues: [] };
    this.#chunks.set(number, chunk);
    return chunk;
  }
}
