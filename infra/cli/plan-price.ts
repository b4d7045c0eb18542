import type { IdleItem, PipelinePrice, PlanPrice, StepPrice } from "../../lib/plan/price.ts";
import { PRICES } from "../../lib/plan/prices.ts";
import { styled, table } from "./terminal.ts";

/** What a plan costs, as text. */
export const priceText = ({ pipelines, assumptions }: PlanPrice): string =>
  [
    ...pipelines.map(pipelineText),
    styled("bold", "assumed"),
    ...assumptions.map((line) => `- ${line}`),
    "",
    pricesTable(),
  ].join("\n");

const pipelineText = ({ id, million, idle }: PipelinePrice): string =>
  [
    `${styled("bold", id)}  $${money(million.usd)} for a million tokens, $${range(idle.usd)} a month idle`,
    "",
    table(
      [
        "step",
        "kind",
        "tokens",
        "writes",
        "queue requests",
        "invocations",
        "USD",
        "+ each 100 ms of work",
        "",
      ],
      million.steps.map(stepRow),
    ),
    "",
    table(["idle, a month", "count", "USD"], idle.items.map(idleRow)),
    "",
  ].join("\n");

const stepRow = ({ step, kind, tokens, basis, usage, usd, usdPer100ms }: StepPrice): string[] => [
  step,
  kind,
  whole(tokens),
  whole(usage.tableWrite),
  whole(usage.queueRequest),
  whole(usage.invocation),
  money(usd),
  usdPer100ms === undefined ? "-" : money(usdPer100ms),
  basis === "estimated" ? "estimated" : "",
];

const idleRow = ({ what, count, usd }: IdleItem): string[] => [what, whole(count), range(usd)];

const pricesTable = (): string =>
  table(
    ["USD", "for", "source", "as of"],
    Object.values(PRICES).map(({ usd, per, unit, source, asOf }) => [
      String(usd),
      `${whole(per)} ${unit}`,
      source,
      asOf,
    ]),
  );

const money = (usd: number): string => usd.toFixed(2);
const range = ({ low, high }: IdleItem["usd"]): string =>
  money(low) === money(high) ? money(low) : `${money(low)} to ${money(high)}`;
const whole = (count = 0): string => Math.round(count).toLocaleString("en-US");
