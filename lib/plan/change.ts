import { type AttributeChange, attributeChanges } from "./attribute-change.ts";
import { deadQueueName, edgeNames } from "./names.ts";
import type { PipelinePlan, Plan, QueuePlan } from "./plan.ts";
import type { QueueFacts } from "./template-facts.ts";

/**
 * What deploying a plan does to the tokens that lie in the queues of a deployment.
 *
 * new: there is no such queue yet. kept: the tokens stay where they are. drained: nothing is sent there any more, what is
 * there is worked on. removed: the queue goes, and is known to be empty. orphaned: nothing works on what lies there.
 */
export type Fate = "new" | "kept" | "drained" | "removed" | "orphaned";

export interface QueueFate {
  readonly pipeline: string;
  /** As people call it; `intake` for the queue of what has just arrived. */
  readonly edge: string;
  readonly queue: string;
  readonly fate: Fate;
  /** That lie in it, and in its dead-letter queue, now; absent where nobody was asked. */
  readonly tokens?: number;
  readonly why?: string;
  readonly hint?: string;
  readonly changes: readonly AttributeChange[];
}

interface Deployment {
  readonly queues: readonly QueueFacts[];
  /** Tokens by queue, as far as they are known. */
  readonly tokens?: ReadonlyMap<string, number>;
}

/** @param isWhole the plan is all that is to be deployed: a pipeline that it lacks is to go */
export function changeOf(deployment: Deployment, plan: Plan, isWhole: boolean): QueueFate[] {
  const planned = plan.pipelines.flatMap((pipeline) =>
    plannedQueues(pipeline).map((queue) => fateOfPlanned(queue, pipeline, deployment)),
  );
  const known = new Set(planned.map(({ queue }) => queue));
  const gone = deployment.queues
    .filter(({ name, role }) => role !== "dead" && !known.has(name))
    .filter(({ pipeline }) => isWhole || plan.pipelines.some(({ id }) => id === pipeline))
    .map((queue) => fateOfGone(queue, plan, deployment));
  return [...planned, ...gone];
}

/** Whether no token is left without anybody to work on it, or deleted. */
export const isSafe = ({ fate, changes }: QueueFate): boolean =>
  fate !== "orphaned" && changes.every(({ loses }) => !loses);

interface PlannedQueue {
  readonly edge: string;
  readonly queue: QueuePlan;
  readonly retired: boolean;
}

const plannedQueues = ({ intake, edges }: PipelinePlan): PlannedQueue[] => [
  { edge: "intake", queue: intake, retired: false },
  ...edges.map(({ name, queue, retired = false }) => ({ edge: name, queue, retired })),
];

function fateOfPlanned(
  { edge, queue, retired }: PlannedQueue,
  { id: pipeline }: PipelinePlan,
  { queues, tokens }: Deployment,
): QueueFate {
  const deployed = queues.find(({ name }) => name === queue.name);
  const dead = queues.find(({ name }) => name === queue.dead.name);
  const base = { pipeline, edge, queue: queue.name, ...tokensIn(queue.name, tokens) };
  const changes = [
    ...(deployed ? attributeChanges(deployed, queue) : []),
    ...(dead ? attributeChanges(dead, queue.dead) : []),
  ];
  if (!deployed) return { ...base, fate: "new", changes, ...(retired && NEVER_DEPLOYED) };
  if (retired) return { ...base, fate: "drained", changes, ...DRAINED };
  return { ...base, fate: "kept", changes, ...(deployed.retired && BACK_IN_USE) };
}

const DRAINED = {
  why: "nothing is sent by it any more; what its queue holds is worked on",
  hint: "when the board shows nothing waiting, claimed or in error on it, remove it from the definition",
};
const NEVER_DEPLOYED = {
  why: "it is retired, and is not deployed",
  hint: "remove it from the definition",
};
const BACK_IN_USE = { why: "it was retired, and is in use again" };

function fateOfGone(deployed: QueueFacts, plan: Plan, { queues, tokens }: Deployment): QueueFate {
  const { name, pipeline, role, retired } = deployed;
  const held = tokensIn(name, tokens);
  const edge = role === "edge" ? nameOf(deployed, queues) : role === "intake" ? role : name;
  const base = { pipeline, edge, queue: name, ...held, changes: [] };
  if (retired && held.tokens === 0)
    return { ...base, fate: "removed", why: "it was retired, and its queue is empty" };
  if (retired && held.tokens === undefined) {
    const hint = "see that the board shows nothing waiting, claimed or in error on it before you deploy";
    return { ...base, fate: "drained", why: "it was retired: nothing has been sent by it since", hint };
  }
  return { ...base, fate: "orphaned", ...reasonOf(deployed, plan, queues) };
}

/** What a deployed edge is called, among the others of its pipeline. */
function nameOf({ name, pipeline }: QueueFacts, queues: readonly QueueFacts[]): string {
  const own = queues.filter((queue) => queue.pipeline === pipeline && queue.role === "edge");
  return edgeNames(pipeline, own)[own.findIndex((queue) => queue.name === name)] ?? name;
}

/** Why nothing would work on a queue's tokens, and what keeps them. */
function reasonOf(
  { pipeline: id, role, from, to, retired }: QueueFacts,
  plan: Plan,
  queues: readonly QueueFacts[],
): { why: string; hint: string } {
  const pipeline = plan.pipelines.find((each) => each.id === id);
  if (!pipeline) {
    const hint = "keep its definition until the board shows nothing outstanding, then remove it";
    return { why: `the pipeline "${id}" is gone`, hint };
  }
  const line = `{ from: ${from}, to: ${to}, retired: true }`;
  if (role !== "edge") {
    return { why: "its name is cut, and does not tell which edge it belonged to", hint: "put the edge back" };
  }
  if (retired) return { why: "it was retired, and still holds tokens", hint: `put the edge ${line} back` };
  if (!pipeline.stages.some(({ name }) => name === to)) {
    const renamed = renamedTo(to, pipeline, queues);
    const keep = from === "" ? `with an input to it` : `with the edge ${line}`;
    return {
      why: `the stage "${to}" is gone${renamed === undefined ? "" : `, or is called "${renamed}" now`}`,
      hint: `keep the stage "${to}", ${keep}, until its queue is empty`,
    };
  }
  if (from === "") {
    const hint = `keep an input to "${to}", without \`s3\`, until its queue is empty`;
    return { why: `no input leads to "${to}" any more`, hint };
  }
  const until =
    pipeline.dialect === "kdp"
      ? "put it back: KDP's form of definition cannot retire an edge, `edges` of the canonical form can"
      : `keep it as ${line} until its queue is empty`;
  return { why: "the edge is gone", hint: until };
}

/** The only new stage, when only one is gone: a stage is known by nothing but its name. */
function renamedTo(gone: string, pipeline: PipelinePlan, queues: readonly QueueFacts[]): string | undefined {
  const own = queues.filter((queue) => queue.pipeline === pipeline.id && queue.role === "edge");
  const before = new Set(own.flatMap(({ from, to }) => [from, to]).filter((name) => name !== ""));
  const after = new Set(pipeline.stages.map(({ name }) => name));
  const lost = [...before].filter((name) => !after.has(name));
  const found = [...after].filter((name) => !before.has(name));
  return lost.length === 1 && lost[0] === gone && found.length === 1 ? found[0] : undefined;
}

function tokensIn(queue: string, tokens: ReadonlyMap<string, number> | undefined): { tokens?: number } {
  const own = tokens?.get(queue);
  return own === undefined ? {} : { tokens: own + (tokens?.get(deadQueueName(queue)) ?? 0) };
}
