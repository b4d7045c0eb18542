import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { runJson, type Summary, startNode } from "./millrace.ts";

/**
 * The runtime is killed (SIGKILL, in mid-call) at each point where a token changes hands, and started again. Every token
 * must end exactly once, with the outputs that it would have had.
 */
const RELAY = join(import.meta.dirname, "pipelines/relay");
const FIXTURE = join(import.meta.dirname, "fixtures/runtime-that-dies.ts");

const WORDS = ["a1", "a2", "b1", "b2", "c1", "c2"];

const POINTS = [
  ["an upload is being stored", "PutObject", 1],
  ["an upload is stored, its event not yet in the intake queue", "SendMessage", 1],
  ["the event is received, its arrival not yet on record", "PutItem", 1],
  ["two arrivals are on record, the third is not", "PutItem", 3],
  ["arrivals are on record, their tokens not yet sent", "SendMessageBatch", 1],
  ["tokens are sent, the intake's messages not yet deleted", "DeleteMessageBatch", 1],
  ["a stage has read its object, its outputs are half stored", "PutObject", 5],
  ["outputs are stored, nothing is committed", "UpdateItem", 1],
  ["one job is committed, the next is not", "UpdateItem", 2],
  ["all jobs of a batch are committed, nothing is emitted", "SendMessageBatch", 2],
  ["everything is emitted, nothing is acknowledged", "DeleteMessageBatch", 2],
  ["a result is published, its job not committed", "UpdateItem", 5],
  ["the last stage is half committed", "UpdateItem", 7],
  ["the last stage is committed, not acknowledged", "DeleteMessageBatch", 3],
] as const;

describe("killed when", () => {
  test.for(POINTS)("%s (%s, call %i)", async ([, operation, nth]) => {
    const data = temporaryFolder();
    const died = await startNode([FIXTURE, RELAY, data, operation, String(nth)]).ended;
    expect(died.signal, died.stderr).toBe("SIGKILL");

    const summary = await runJson<Summary>(["dev", RELAY, "--once", "--json", "--port", "0", "--data", data]);
    expect(summary).toMatchObject({ put: 3, done: 3, error: 0, outstanding: 0 });
    expect(summary.stages).toEqual({ split: { done: 3, error: 0 }, store: { done: 6, error: 0 } });

    const outputs = readFileSync(join(summary.results, "outputs.ndjson"), "utf8").trimEnd().split("\n");
    const words = outputs.map(
      (line) => (JSON.parse(line) as { data: { word: string; existed: boolean } }).data,
    );
    expect(words.map(({ word }) => word).sort()).toEqual(WORDS);
    // What a dead attempt published counts as this job's own, not as a stranger's.
    expect(words.filter(({ existed }) => existed)).toEqual([]);
    for (const word of WORDS) expect(readFileSync(join(summary.results, `${word}.txt`), "utf8")).toBe(word);
  });
});
