import type { Commit, CommittedOutput, HistoryEntry, JobRecord, LogLevel } from "../job/record.ts";
import { edgeOf } from "../plan/find.ts";
import type { PipelinePlan } from "../plan/plan.ts";
import { childTokenId, jobId } from "../token/ids.ts";

/** What became of one arrival: its jobs in order, found by following ids, however many other tokens there are. */

export interface LineageStep {
  readonly stage: string;
  readonly token: string;
  readonly job: string;
  /** Absent: no attempt at this token has ended. */
  readonly record?: JobRecord;
}

export interface Lineage {
  readonly run: string;
  readonly steps: readonly LineageStep[];
  /** There are more. */
  readonly truncated: boolean;
}

export interface LineageReader {
  get(pipeline: string, job: string): Promise<JobRecord | undefined>;
  outputsOf(commit: Commit): Promise<readonly CommittedOutput[]>;
}

const MAX_STEPS = 1000;

/** @param id a token's, of any stage, or a job's; undefined when nothing is known by it */
export async function lineage(
  id: string,
  pipeline: PipelinePlan,
  reader: LineageReader,
): Promise<Lineage | undefined> {
  const start = await find(id, pipeline, reader);
  if (!start) return undefined;
  const steps: LineageStep[] = [];
  // A message that was no token is a run of its own, wherever it turned up.
  const isRoot = start.token === start.run;
  const entrances = isRoot ? [{ stage: start.stage, token: start.token }] : rootsOf(start.run, pipeline);
  const open = [...entrances];
  for (const { stage, token } of open) {
    if (steps.length === MAX_STEPS) break;
    const job = jobId(pipeline.id, stage, token);
    const record = await reader.get(pipeline.id, job);
    // An input leads to one of the pipeline's entrances; at the others there is nothing.
    if (!record && token === start.run && entrances.length > 1) continue;
    steps.push({ stage, token, job, ...(record && { record }) });
    if (record?.committed) open.push(...(await childrenOf(record.id, record.committed, pipeline, reader)));
  }
  return { run: start.run, steps, truncated: open.length > MAX_STEPS };
}

const rootsOf = (run: string, { edges }: PipelinePlan): { stage: string; token: string }[] =>
  edges.filter((edge) => edge.from === "").map((edge) => ({ stage: edge.to, token: run }));

async function find(
  id: string,
  pipeline: PipelinePlan,
  reader: LineageReader,
): Promise<JobRecord | undefined> {
  const jobs = [id, ...pipeline.stages.map((stage) => jobId(pipeline.id, stage.name, id))];
  const records = await Promise.all(jobs.map((job) => reader.get(pipeline.id, job)));
  return records.find((record) => record !== undefined);
}

async function childrenOf(
  job: string,
  commit: Commit,
  pipeline: PipelinePlan,
  reader: LineageReader,
): Promise<{ stage: string; token: string }[]> {
  const outputs = await reader.outputsOf(commit);
  return outputs.flatMap(({ to = commit.to }, index) =>
    to.map((edge) => ({ stage: edgeOf(pipeline, edge).to, token: childTokenId(job, edge, index) })),
  );
}

export interface TokenLogLine {
  readonly at: string;
  readonly stage: string;
  readonly level: LogLevel;
  readonly message: string;
}

const LEVELS: Partial<Record<HistoryEntry["event"], LogLevel>> = { fail: "error", retry: "warn" };

/** The token log: what happened at each stage, and what the stages said, in the order of time. */
export function tokenLog({ steps }: Lineage): TokenLogLine[] {
  const lines = steps.flatMap(({ stage, record }) => [
    ...(record?.history ?? []).map((entry) => {
      const line: TokenLogLine = {
        at: entry.at,
        stage,
        level: LEVELS[entry.event] ?? "info",
        message: told(entry),
      };
      return { line, rank: ENDS.has(entry.event) ? 2 : 0 };
    }),
    ...(record?.log ?? []).map((said) => ({ line: { ...said, stage }, rank: 1 })),
  ]);
  return lines.sort((a, b) => a.line.at.localeCompare(b.line.at) || a.rank - b.rank).map(({ line }) => line);
}

/** Within one millisecond, a stage speaks after its attempt began and before it ended. */
const ENDS = new Set<HistoryEntry["event"]>(["finish", "retry", "fail"]);

function told({ event, attempt, data }: HistoryEntry): string {
  const which = attempt === undefined ? "" : ` (attempt ${attempt})`;
  if (data === undefined) return `${event}${which}`;
  return `${event}${which}: ${typeof data === "string" ? data : JSON.stringify(data)}`;
}
