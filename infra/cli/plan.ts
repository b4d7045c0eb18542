import { type Command, InvalidArgumentError, Option } from "commander";
import { isCollection, requireDefinitions } from "../../lib/definition/files.ts";
import { LIMITS } from "../../lib/plan/limits.ts";
import { APP_NAME, APP_NAME_IS } from "../../lib/plan/names.ts";
import { APP, makePlan, type PipelinePlan, type Plan, type StagePlan } from "../../lib/plan/plan.ts";
import { priceOf } from "../../lib/plan/price.ts";
import { compare, comparisonText, isStuck } from "./plan-against.ts";
import { priceText } from "./plan-price.ts";
import { CliError, EXIT, print, printJson, styled, table } from "./terminal.ts";

export function addPlan(program: Command): void {
  program
    .command("plan")
    .description("show what definitions become: queues, functions, derived times, limits")
    .argument("[path...]", "files or folders (default: pipelines)")
    .option("--json", "print the plan")
    .option("--limits", "print the limits that the plan keeps to, with their sources")
    .addOption(
      new Option(
        "--price",
        "print what a million tokens cost, and an idle month, at AWS's list prices",
      ).conflicts("limits"),
    )
    .addOption(
      new Option(
        "--against <deployed>",
        "print what deploying does to the tokens of a deployment: its template, cdk.out, or the name of its stack; exit code 1 when tokens would be orphaned",
      ).conflicts(["limits", "price"]),
    )
    .option("--allow-orphans", "with --against: exit code 0 all the same")
    .option("--app <name>", "what every name of the deployment begins with", appName, APP)
    .action(async (paths: string[], options: Options) => {
      if (options.allowOrphans && options.against === undefined)
        throw new CliError(
          EXIT.usage,
          "--allow-orphans is of use with --against alone",
          "add --against DEPLOYED",
        );
      const { value, text, ok = true } = await shownBy(paths, options);
      if (options.json) printJson(value);
      else print(text());
      process.exitCode = ok ? EXIT.done : EXIT.input;
    });
}

interface Options {
  readonly json?: true;
  readonly limits?: true;
  readonly price?: true;
  readonly against?: string;
  readonly allowOrphans?: true;
  readonly app: string;
}

interface Shown {
  readonly value: unknown;
  readonly text: () => string;
  readonly ok?: boolean;
}

async function shownBy(
  paths: readonly string[],
  { limits, price, against, allowOrphans, app }: Options,
): Promise<Shown> {
  if (limits) return { value: LIMITS, text: limitsTable };
  const plan = makePlan(requireDefinitions(paths), app);
  if (price) {
    const prices = priceOf(plan);
    return { value: prices, text: () => priceText(prices) };
  }
  if (against === undefined) return { value: plan, text: () => planText(plan) };
  const comparison = await compare(plan, against, isCollection(paths));
  const ok = comparison.ok || (allowOrphans === true && !isStuck(comparison));
  return { value: comparison, text: () => comparisonText(comparison), ok };
}

const planText = ({ pipelines, table: rows, api }: Plan): string =>
  [...pipelines.map((pipeline) => `${shown(pipeline)}\n`), `table ${rows}, API function ${api.name}`].join(
    "\n",
  );

function appName(text: string): string {
  if (APP_NAME.test(text)) return text;
  throw new InvalidArgumentError(`It must be ${APP_NAME_IS}.`);
}

function shown(pipeline: PipelinePlan): string {
  const { id, name, version, intake, inputs, edges, stages } = pipeline;
  return [
    `${styled("bold", id)}  ${name}  (version ${version})`,
    "",
    table(
      ["input", "takes", "to"],
      inputs.map(({ name: input, s3, edge }) => [
        input,
        s3 ? `uploads ${s3.prefix}*${s3.suffix}, puts` : "puts",
        edges.find(({ id: own }) => own === edge)?.to ?? "",
      ]),
    ),
    "",
    table(
      ["edge", "list", "claimed list", "SQS queue", "visibility", "attempts", "receives"],
      edges.map(({ name: edge, views, queue, maxAttempts, retired }) => [
        retired ? `${edge} (retired)` : edge,
        views.work,
        views.claimed,
        queue.name,
        `${queue.visibilitySeconds}s`,
        maxAttempts,
        queue.maxReceiveCount,
      ]),
    ),
    "",
    table(
      ["stage", "kind", "runs", "timeout", "function", "function timeout", "memory", "to"],
      stages.map((stage) => stageRow(stage, pipeline)),
    ),
    "",
    `intake queue ${intake.name}; every queue has a dead-letter queue NAME_DEAD, kept 14 days`,
  ].join("\n");
}

function stageRow(
  { name, work, timeoutSeconds, function: fn, out }: StagePlan,
  { edges }: PipelinePlan,
): string[] {
  const targets = out.map((id) => edges.find((edge) => edge.id === id)?.to ?? id);
  return [
    name,
    work.kind,
    whatRuns(work),
    `${timeoutSeconds}s`,
    fn?.name ?? "-",
    fn ? `${fn.timeoutSeconds}s` : "-",
    fn ? `${fn.memoryMb} MiB` : "-",
    targets.join(", ") || "-",
  ];
}

function whatRuns(work: StagePlan["work"]): string {
  switch (work.kind) {
    case "handler":
      return work.handler;
    case "command":
      return work.command.join(" ");
    case "image":
      return work.batch === undefined ? work.image : `${work.image} (${work.batch} tokens to a pod)`;
    case "external":
      return "another system";
  }
}

const limitsTable = (): string =>
  table(
    ["limit", "value", "of", "source", "read"],
    Object.entries(LIMITS).map(([name, { value, unit, what, source, read }]) => [
      name,
      `${value} ${unit}`,
      what,
      source,
      read,
    ]),
  );
