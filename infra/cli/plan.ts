import { type Command, Option } from "commander";
import { requireDefinitions } from "../../lib/definition/files.ts";
import { LIMITS } from "../../lib/plan/limits.ts";
import { makePlan, type PipelinePlan, type StagePlan } from "../../lib/plan/plan.ts";
import { priceOf } from "../../lib/plan/price.ts";
import { priceText } from "./plan-price.ts";
import { print, printJson, styled, table } from "./terminal.ts";

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
    .action((paths: string[], { json = false, limits = false, price = false }: Options) => {
      if (limits) return json ? printJson(LIMITS) : print(limitsTable());
      const plan = makePlan(requireDefinitions(paths));
      if (price) return json ? printJson(priceOf(plan)) : print(priceText(priceOf(plan)));
      if (json) return printJson(plan);
      for (const pipeline of plan.pipelines) print(`${shown(pipeline)}\n`);
      print(`table ${plan.table}, API function ${plan.api.name}`);
    });
}

interface Options {
  readonly json?: boolean;
  readonly limits?: boolean;
  readonly price?: boolean;
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
      edges.map(({ name: edge, views, queue, maxAttempts }) => [
        edge,
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
  const what =
    work.kind === "handler" ? work.handler : work.kind === "image" ? work.image : work.command.join(" ");
  const targets = out.map((id) => edges.find((edge) => edge.id === id)?.to ?? id);
  return [
    name,
    work.kind,
    what,
    `${timeoutSeconds}s`,
    fn?.name ?? "-",
    fn ? `${fn.timeoutSeconds}s` : "-",
    fn ? `${fn.memoryMb} MiB` : "-",
    targets.join(", ") || "-",
  ];
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
