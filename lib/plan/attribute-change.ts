import type { QueueFacts } from "./template-facts.ts";

export interface AttributeChange {
  readonly queue: string;
  readonly attribute: string;
  readonly from: number;
  readonly to: number;
  readonly effect: string;
  /** Tokens may be deleted by it. */
  readonly loses: boolean;
}

/** What it means to tokens that are there when an attribute of their queue changes. */
const ATTRIBUTES: readonly {
  readonly field: "visibilitySeconds" | "retentionSeconds" | "maxReceiveCount";
  readonly attribute: string;
  readonly loses: (from: number, to: number) => boolean;
  readonly effect: (from: number, to: number) => string;
}[] = [
  {
    field: "visibilitySeconds",
    attribute: "VisibilityTimeout",
    loses: () => false,
    effect: () => "claims under way keep the time that they were given",
  },
  {
    field: "retentionSeconds",
    attribute: "MessageRetentionPeriod",
    loses: (from, to) => to < from,
    effect: (from, to) =>
      to < from ? `SQS deletes what is older than ${days(to)} at once` : "also for what lies there already",
  },
  {
    field: "maxReceiveCount",
    attribute: "maxReceiveCount",
    loses: () => false,
    effect: (from, to) =>
      to < from
        ? "what was received as often passes through the dead-letter queue to the same stage"
        : "also for what lies there already",
  },
];

const days = (seconds: number): string => `${Math.round((seconds / 86_400) * 100) / 100} days`;

type Attributes = Partial<Record<(typeof ATTRIBUTES)[number]["field"], number>>;

/** What changes between a deployed queue and the planned one. */
export function attributeChanges(
  deployed: QueueFacts,
  planned: Attributes & { name: string },
): AttributeChange[] {
  return ATTRIBUTES.flatMap(({ field, attribute, loses, effect }) => {
    const [from, to] = [deployed[field], planned[field]];
    if (from === undefined || to === undefined || from === to) return [];
    return [{ queue: planned.name, attribute, from, to, effect: effect(from, to), loses: loses(from, to) }];
  });
}
