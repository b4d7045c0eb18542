import { changeOf, isSafe, type QueueFate } from "../../lib/plan/change.ts";
import { deadQueueName } from "../../lib/plan/names.ts";
import { type StackMove, stackMoves } from "../../lib/plan/nesting.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { readDeployed, tokensInQueues } from "./deployed.ts";
import { printable, styled, table } from "./terminal.ts";
import { counted } from "./text.ts";

/** What deploying a plan does to the tokens of a deployment. */
export interface Comparison {
  readonly v: 1;
  readonly against: string;
  /** It can be deployed, and no token is left without anybody to work on it, or deleted. */
  readonly ok: boolean;
  readonly edges: readonly QueueFate[];
  /** Pipelines that would be deployed into other stacks than they are in. */
  readonly moves: readonly StackMove[];
}

/** @param isWhole a pipeline that the plan lacks is to go */
export async function compare(plan: Plan, against: string, isWhole: boolean): Promise<Comparison> {
  const { queues, isRunning } = await readDeployed(against, plan.app);
  const before = changeOf({ queues }, plan, isWhole);
  const edges = isRunning
    ? changeOf({ queues, tokens: await tokensInQueues(asked(before)) }, plan, isWhole)
    : before;
  const moves = stackMoves(queues, plan);
  return { v: 1, against, ok: edges.every(isSafe) && !isStuck({ moves }), edges, moves };
}

/** Whether deploying would fail. */
export const isStuck = ({ moves }: Pick<Comparison, "moves">): boolean => moves.some(({ fails }) => fails);

/** Queues whose tokens decide what is to be done. */
const asked = (edges: readonly QueueFate[]): string[] =>
  edges
    .filter((edge) => edge.fate === "drained" || !isSafe(edge))
    .flatMap(({ queue }) => [queue, deadQueueName(queue)]);

const STYLES = { new: "dim", kept: "green", drained: "yellow", removed: "dim", orphaned: "red" } as const;

export function comparisonText({ against, edges, moves }: Comparison): string {
  const rows = edges.map(({ pipeline, edge, fate, tokens, queue }) => [
    pipeline,
    edge,
    tokens === undefined ? fate : `${fate} (${tokens} now)`,
    queue,
  ]);
  const notes = [...edges.flatMap(notesOf), ...moves.flatMap(moveNote)];
  const unsafe = edges.filter((edge) => !isSafe(edge)).length;
  const verdict =
    unsafe === 0
      ? styled("green", "no token would be orphaned or deleted")
      : styled("red", `tokens would be orphaned or deleted on ${counted(unsafe, "edge")}`);
  return [
    `what deploying these definitions does to the tokens in ${against}`,
    "",
    table(["pipeline", "edge", "tokens are", "SQS queue"], rows),
    "",
    ...(notes.length === 0 ? [] : [...notes, ""]),
    verdict,
    ...(isStuck({ moves }) ? [styled("red", "it cannot be deployed")] : []),
  ].join("\n");
}

const moveNote = ({ pipeline, fails, why, hint }: StackMove): string[] => [
  `${styled(fails ? "red" : "yellow", "moved")} ${pipeline}: ${why}`,
  `    ${hint}`,
];

function notesOf({ pipeline, edge, fate, why, hint, changes }: QueueFate): string[] {
  // Names come from the template, which somebody else may have written.
  const about = printable(`${pipeline} ${edge}`);
  return [
    ...(why === undefined ? [] : [`${styled(STYLES[fate], fate)} ${about}: ${printable(why)}`]),
    ...(hint === undefined ? [] : [`    ${printable(hint)}`]),
    ...changes.map(
      ({ queue, attribute, from, to, effect, loses }) =>
        `${styled(loses ? "red" : "dim", "changed")} ${about}: ${attribute} of ${queue} from ${from} to ${to}: ${effect}`,
    ),
  ];
}
