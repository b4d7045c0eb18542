import { expect, test } from "vitest";
import { type LineageReader, lineage, tokenLog } from "../../../lib/board/lineage.ts";
import type { CommittedOutput, JobRecord } from "../../../lib/job/record.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { childTokenId, jobId, putTokenId, strayTokenId } from "../../../lib/token/ids.ts";
import { loaded } from "../definition/loading.ts";
import { scans } from "../scans.ts";

const RUN = putTokenId("scans", "replays", "order-7");
const empty: CommittedOutput = { payload: { objects: [] } };

/** A job's row, as far as a lineage looks at it. */
function job(stage: string, edge: string, token: string, rest: Partial<JobRecord> = {}): JobRecord {
  const id = jobId("scans", stage, token);
  return {
    v: 1,
    id,
    pipeline: "scans",
    stage,
    edge,
    token,
    run: RUN,
    state: "FINISHED",
    attempt: 1,
    history: [],
    ...rest,
  };
}

const committed = (to: readonly string[], outputs: readonly CommittedOutput[]): JobRecord["committed"] => ({
  attempt: "a1",
  count: outputs.length,
  tokens: outputs.length,
  to,
  outputs,
});

const reader = (...rows: JobRecord[]): LineageReader => ({
  get: async (_, id) => rows.find((row) => row.id === id),
  outputsOf: async ({ outputs = [] }) => outputs,
});

const SPLIT = job("split", "_split", RUN, { committed: committed(["split_ocr"], [empty, empty]) });
const PAGES = [0, 1].map((index) => childTokenId(SPLIT.id, "split_ocr", index));
const OCR = job("ocr", "split_ocr", PAGES[0]!, { committed: committed(["ocr_publish"], [empty]) });
const PUBLISHED = childTokenId(OCR.id, "ocr_publish", 0);

const steps = async (id: string, from: LineageReader): Promise<unknown> =>
  (await lineage(id, scans, from))?.steps.map(({ stage, token, record }) => [
    stage,
    token,
    record?.state ?? "none",
  ]);

test("what became of an arrival, whether it is asked for by token or by job, of any stage", async () => {
  const from = reader(SPLIT, OCR);
  const expected = [
    ["split", RUN, "FINISHED"],
    ["ocr", PAGES[0], "FINISHED"],
    ["ocr", PAGES[1], "none"],
    ["publish", PUBLISHED, "none"],
  ];
  for (const id of [RUN, SPLIT.id, PAGES[0]!, OCR.id]) expect(await steps(id, from)).toEqual(expected);
});

test("nothing is known by an id that is no token's", async () => {
  expect(await lineage("3f2b1c9e-0000-5000-8000-000000000000", scans, reader(SPLIT))).toBeUndefined();
});

test("an output that goes elsewhere than the others is followed there", async () => {
  const split = job("split", "_split", RUN, {
    committed: committed(["split_ocr"], [empty, { ...empty, to: [] }, { ...empty, to: ["ocr_publish"] }]),
  });
  expect(await steps(RUN, reader(split))).toEqual([
    ["split", RUN, "FINISHED"],
    ["ocr", childTokenId(split.id, "split_ocr", 0), "none"],
    ["publish", childTokenId(split.id, "ocr_publish", 2), "none"],
  ]);
});

test("a message that was no token stands alone, at the stage that it was found before", async () => {
  const token = strayTokenId("ocr_publish", "m-1");
  const stray = job("publish", "ocr_publish", token, { run: token, state: "FAILED", reason: "malformed" });
  expect(await steps(token, reader(stray, SPLIT))).toEqual([["publish", token, "FAILED"]]);
});

test("with several entrances, only the one that was used is shown", async () => {
  const [two] = makePlan([
    loaded(`
      id: scans
      inputs: { in: { to: split }, late: { to: ocr } }
      stages: { split: { command: [split] }, ocr: { command: [ocr] } }
      edges: [{ from: split, to: ocr }]`),
  ]).pipelines;
  const last = job("ocr", "split_ocr", PAGES[0]!);
  const found = await lineage(PAGES[0]!, two!, reader(SPLIT, last));
  expect(found?.steps.map(({ stage }) => stage)).toEqual(["split", "ocr", "ocr"]);
});

test("a lineage ends after a thousand steps, and says that there are more", async () => {
  const many = (count: number): JobRecord =>
    job("split", "_split", RUN, { committed: committed(["split_ocr"], Array(count).fill(empty)) });
  const whole = await lineage(RUN, scans, reader(many(999)));
  expect([whole?.steps.length, whole?.truncated]).toEqual([1000, false]);
  const cut = await lineage(RUN, scans, reader(many(1000)));
  expect([cut?.steps.length, cut?.truncated]).toEqual([1000, true]);
});

test("the token log: what happened and what was said, in the order of time", async () => {
  const at = (second: number): string => `2026-01-01T00:00:0${second}.000Z`;
  const split = job("split", "_split", RUN, {
    committed: committed(["split_ocr"], [empty]),
    history: [
      { event: "create", at: at(0) },
      { event: "run", at: at(1), attempt: 1 },
      { event: "retry", at: at(2), attempt: 1, data: "error: no such page" },
      { event: "run", at: at(3), attempt: 2 },
      { event: "finish", at: at(4) },
    ],
    log: [{ at: at(4), level: "warn", message: "page 2 is empty" }],
  });
  const ocr = job("ocr", "split_ocr", PAGES[0]!, {
    state: "FAILED",
    history: [{ event: "fail", at: at(4), attempt: 5, data: "timeout: too long" }],
  });
  const found = await lineage(RUN, scans, reader(split, ocr));
  expect(
    tokenLog(found!).map(
      ({ at: time, stage, level, message }) => `${time.slice(17, 19)} ${stage} ${level} ${message}`,
    ),
  ).toEqual([
    "00 split info create",
    "01 split info run (attempt 1)",
    "02 split warn retry (attempt 1): error: no such page",
    "03 split info run (attempt 2)",
    "04 split warn page 2 is empty",
    "04 split info finish",
    "04 ocr error fail (attempt 5): timeout: too long",
  ]);
});
