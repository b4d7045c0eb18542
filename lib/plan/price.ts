import { arrivalUsage, type Basis, CALL_ASSUMPTIONS, hopUsage } from "./calls.ts";
import { tokensAtStages } from "./flow.ts";
import type { FunctionPlan, PipelinePlan, Plan, StagePlan } from "./plan.ts";
import { costOf, PRICE_REGION, PRICES, type Price, times, total, type Usage } from "./prices.ts";

/** What a plan costs on AWS at list price: a million tokens through each pipeline, and a month in which nothing happens. */
export interface PlanPrice {
  readonly v: 1;
  readonly region: string;
  readonly currency: "USD";
  readonly pipelines: readonly PipelinePrice[];
  readonly assumptions: readonly string[];
  readonly prices: Readonly<Record<string, Price>>;
}

export interface PipelinePrice {
  readonly id: string;
  /** Of a million tokens that arrive. */
  readonly million: { readonly steps: readonly StepPrice[]; readonly usd: number };
  /** Of a month without tokens. */
  readonly idle: { readonly items: readonly IdleItem[]; readonly usd: Range };
}

export interface StepPrice {
  /** `arrival INPUT`, or a stage. */
  readonly step: string;
  readonly kind: "upload" | "put" | StagePlan["work"]["kind"];
  /** That come by here when a million arrive. */
  readonly tokens: number;
  readonly basis: Basis;
  readonly usage: Usage;
  readonly usd: number;
  /** On top, for each 100 ms that an invocation spends in the user's code; absent where that is not a function. */
  readonly usdPer100ms?: number;
}

export interface IdleItem {
  readonly what: string;
  readonly count: number;
  readonly usd: Range;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

const MILLION = 1_000_000;
const HOURS_A_MONTH = 730;
/** The longest that SQS lets a receive wait. */
const LONG_POLL_SECONDS = 20;
const RECEIVES_A_MONTH = (HOURS_A_MONTH * 3600) / LONG_POLL_SECONDS;

/**
 * Receives that Lambda keeps open on a queue in which nothing comes: five, or as few as two, but not where the
 * concurrency is limited (docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
 */
const POLLERS = { low: 2, high: 5 } as const;
/** The depth of the dead-letter queue, and the age of the oldest message. */
const ALARMS_PER_QUEUE = 2;
const SWEEPS_A_MONTH = HOURS_A_MONTH * 60;
const SWEEP_SECONDS = 0.2;

const ASSUMPTIONS = [
  `list prices of ${PRICE_REGION} without free tiers, discounts and taxes; ${PRICES.tableWrite.asOf}`,
  "every stage puts out one token for each; arrivals are spread evenly over the inputs, and what a stage routes over its edges",
  ...CALL_ASSUMPTIONS,
  `what your stages do is not in it: their time in a function stands in a column of its own; an object written costs $${PRICES.objectWrite.usd} a thousand, one read $${PRICES.objectRead.usd}; pods, clusters and what others work on are not Millrace's`,
  "nor is what is stored (rows, objects, backups), or carried out of the region",
  `idle: a queue and its dead-letter queue are each asked for messages all the time, by ${POLLERS.low} to ${POLLERS.high} long polls (always ${POLLERS.high} where the concurrency is limited)`,
] as const;

export const priceOf = (plan: Plan): PlanPrice => ({
  v: 1,
  region: PRICE_REGION,
  currency: "USD",
  pipelines: plan.pipelines.map((pipeline) => pipelinePrice(pipeline, plan)),
  assumptions: ASSUMPTIONS,
  prices: PRICES,
});

function pipelinePrice(pipeline: PipelinePlan, plan: Plan): PipelinePrice {
  const steps = [...arrivals(pipeline, plan), ...stages(pipeline, plan)];
  const items = idleItems(pipeline, plan);
  return {
    id: pipeline.id,
    million: { steps, usd: cents(sum(steps.map(({ usd }) => usd))) },
    idle: {
      items,
      usd: {
        low: cents(sum(items.map(({ usd }) => usd.low))),
        high: cents(sum(items.map(({ usd }) => usd.high))),
      },
    },
  };
}

const arrivals = (pipeline: PipelinePlan, plan: Plan): StepPrice[] =>
  pipeline.inputs.map((input) => {
    const tokens = MILLION / pipeline.inputs.length;
    const usage = whole(times(arrivalUsage(input, pipeline, plan), tokens));
    return {
      step: `arrival ${input.name}`,
      kind: input.s3 ? "upload" : "put",
      tokens,
      basis: "counted",
      usage,
      usd: cents(costOf(usage)),
    };
  });

function stages(pipeline: PipelinePlan, plan: Plan): StepPrice[] {
  const reached = tokensAtStages(pipeline);
  return pipeline.stages.map((stage) => {
    const tokens = (reached.get(stage.name) ?? 0) * MILLION;
    const { basis, usage: each } = hopUsage(stage, plan);
    const usage = whole(times(each, tokens));
    return {
      step: stage.name,
      kind: stage.work.kind,
      tokens,
      basis,
      usage,
      usd: cents(costOf(usage)),
      ...(stage.work.kind !== "image" && { usdPer100ms: cents(workCost(stage.function, tokens)) }),
    };
  });
}

const workCost = ({ memoryMb, batchSize }: FunctionPlan, tokens: number): number =>
  costOf({ compute: (tokens / batchSize) * (memoryMb / 1024) * 0.1 });

function idleItems(pipeline: PipelinePlan, plan: Plan): IdleItem[] {
  const isLimited = new Map(
    pipeline.stages.map(({ name, function: fn }) => [name, fn.maxConcurrency !== undefined]),
  );
  const limited = pipeline.edges.filter(({ to }) => isLimited.get(to)).length;
  const queues = pipeline.edges.length + 1;
  const secrets = new Set(pipeline.stages.flatMap((stage) => stage.secrets)).size;
  const polling = (pollers: number, sources: number): number =>
    costOf({ queueRequest: sources * pollers * RECEIVES_A_MONTH });
  const high = polling(POLLERS.high, 2 * queues);
  const low = polling(POLLERS.low, 2 * (queues - limited)) + polling(POLLERS.high, 2 * limited);
  const sweeps: Usage = total([
    { scheduledCall: 1, invocation: 1, compute: (plan.api.memoryMb / 1024) * SWEEP_SECONDS },
  ]);
  const isSwept = pipeline.stages.some(({ work }) => work.kind === "image");
  return [
    { what: "queues polled", count: 2 * queues, usd: { low: cents(low), high: cents(high) } },
    fixed("alarms", ALARMS_PER_QUEUE * queues, costOf({ alarm: ALARMS_PER_QUEUE * queues })),
    fixed("dashboard", 1, costOf({ dashboard: 1 })),
    ...(secrets > 0 ? [fixed("secrets", secrets, costOf({ secret: secrets }))] : []),
    ...(isSwept ? [fixed("sweeps", SWEEPS_A_MONTH, costOf(times(sweeps, SWEEPS_A_MONTH)))] : []),
  ];
}

const fixed = (what: string, count: number, usd: number): IdleItem => ({
  what,
  count,
  usd: { low: cents(usd), high: cents(usd) },
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** A share of a million is a whole number of requests; what lies below is the noise of adding fractions. */
const whole = (usage: Usage): Usage =>
  Object.fromEntries(Object.entries(usage).map(([name, units]) => [name, Math.round(units)]));

/** To a hundredth of a cent. */
const cents = (usd: number): number => Math.round(usd * 10_000) / 10_000;
