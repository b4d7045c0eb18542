import { expect, test } from "vitest";
import { makeBoard } from "../../../lib/board/board.ts";
import { tally } from "../../../lib/board/tally.ts";
import { queueCounts, queuesOf } from "../../../lib/queue/counts.aws.ts";
import { scans } from "../scans.ts";

const finished = (run: string, edge: string, stage: string, tokens: number) =>
  ({ run, edge, stage, state: "FINISHED", tokens }) as const;

test("what waits in a dead-letter queue waits on its edge", () => {
  const rows = [finished("r1", "_split", "split", 2), finished("r1", "split_ocr", "ocr", 1)];
  const counts = new Map([
    ["millrace_scans_INTAKE", { waiting: 4, claimed: 1 }],
    ["millrace_scans_INTAKE_DEAD", { waiting: 1, claimed: 0 }],
    ["millrace_scans__split", { waiting: 7, claimed: 2 }],
    ["millrace_scans_split_ocr", { waiting: 1, claimed: 0 }],
    ["millrace_scans_split_ocr_DEAD", { waiting: 0, claimed: 3 }],
  ]);
  expect(makeBoard(scans, tally(["r1", "r2"], rows), counts)).toEqual({
    pipeline: "scans",
    put: 2,
    done: 0,
    error: 0,
    skipped: 0,
    outstanding: 2,
    intake: { waiting: 5, claimed: 1 },
    stages: {
      split: { done: 1, error: 0, skipped: 0 },
      ocr: { done: 1, error: 0, skipped: 0 },
      publish: { done: 0, error: 0, skipped: 0 },
    },
    edges: {
      scans: { waiting: 7, claimed: 2, parked: 0, error: 0, skipped: 0, done: 1 },
      "split-ocr": { waiting: 1, claimed: 3, parked: 0, error: 0, skipped: 0, done: 1 },
      "ocr-publish": { waiting: 0, claimed: 0, parked: 0, error: 0, skipped: 0, done: 0 },
    },
    queues: {
      scans: { work: "scans-work", claimed: "scans-claimed", error: "scans-error" },
      "split-ocr": { work: "split-ocr-work", claimed: "split-ocr-claimed", error: "split-ocr-error" },
      "ocr-publish": { work: "ocr-publish-work", claimed: "ocr-publish-claimed", error: "ocr-publish-error" },
    },
  });
});

test("every queue of a pipeline is counted, and what is delayed waits", async () => {
  const asked: string[] = [];
  const send = async ({ input }: { input: { QueueUrl: string } }) => {
    asked.push(input.QueueUrl);
    return {
      Attributes: {
        ApproximateNumberOfMessages: "2",
        ApproximateNumberOfMessagesNotVisible: "3",
        ApproximateNumberOfMessagesDelayed: "4",
      },
    };
  };
  const counts = await queueCounts({ send } as never, "https://sqs/", queuesOf(scans));
  expect(asked).toEqual([
    "https://sqs/millrace_scans_INTAKE",
    "https://sqs/millrace_scans_INTAKE_DEAD",
    "https://sqs/millrace_scans__split",
    "https://sqs/millrace_scans__split_DEAD",
    "https://sqs/millrace_scans_split_ocr",
    "https://sqs/millrace_scans_split_ocr_DEAD",
    "https://sqs/millrace_scans_ocr_publish",
    "https://sqs/millrace_scans_ocr_publish_DEAD",
  ]);
  expect(counts.get("millrace_scans__split")).toEqual({ waiting: 6, claimed: 3 });
});
