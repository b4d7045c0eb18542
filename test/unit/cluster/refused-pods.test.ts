import { expect, test } from "vitest";
import { classify } from "../../../lib/cluster/classify.ts";
import { observedPod } from "../../../lib/cluster/kube-objects.k8s.ts";
import { tailOf } from "../../../lib/cluster/log-lines.ts";
import type { ObservedEvent, ObservedJob, ObservedPod } from "../../../lib/cluster/observed.ts";
import { derivedKey } from "../../../lib/job/callback-key.ts";

const MINUTE = 60_000;
const job: ObservedJob = { name: "mr-x-a1", uid: "u", labels: {}, jobs: [], createdAt: 0, conditions: [] };
const refused = (message: string, at: number): ObservedEvent => ({
  type: "Warning",
  reason: "FailedCreate",
  message,
  at,
});
const made = (at: number): ObservedEvent => ({ type: "Normal", reason: "SuccessfulCreate", message: "", at });
const DOWN = 'Internal error occurred: failed calling webhook "policy.example": context deadline exceeded';
const QUOTA = 'pods "mr-x-a1-" is forbidden: exceeded quota: pods';

test("a service of the cluster that does not answer refuses nothing for good", () => {
  const verdict = (now: number) => classify(job, [], [refused(DOWN, 1000)], now);
  expect(verdict(MINUTE)).toMatchObject({ kind: "stuck", reason: "refused", isOverdue: false });
  expect(verdict(5 * MINUTE)).toMatchObject({ kind: "stuck", isOverdue: true });
});

test("a policy that says no says so for good", () => {
  const event = refused('admission webhook "policy.example" denied the request: no', 1000);
  expect(classify(job, [], [event], 2000)).toMatchObject({ reason: "refused", isOverdue: true });
});

test("what was refused before a pod was made is over, though the list of pods does not show it yet", () => {
  const verdict = classify(job, [], [refused(DOWN, 1000), made(2000)], 50 * MINUTE);
  expect(verdict).toEqual({ kind: "waiting", since: 0 });
});

test("the replacement of an evicted pod has patience of its own", () => {
  const events = [made(1000), refused(QUOTA, 61 * MINUTE)];
  expect(classify(job, [], events, 62 * MINUTE)).toMatchObject({
    kind: "stuck",
    reason: "quota",
    since: 1000,
  });
});

test("the time that a pod waited for a machine is not its image's", () => {
  const pod: ObservedPod = {
    name: "p",
    uid: "u",
    createdAt: 0,
    phase: "Pending",
    reason: "",
    message: "",
    conditions: [{ type: "PodScheduled", isTrue: true, reason: "", message: "", at: 10 * MINUTE }],
    containers: [{ name: "fetch", waiting: { reason: "ErrImagePull", message: "" } }],
  };
  const verdict = (now: number) => classify(job, [pod], [], now);
  expect(verdict(11 * MINUTE)).toMatchObject({ reason: "image", since: 10 * MINUTE, isOverdue: false });
  expect(verdict(15 * MINUTE)).toMatchObject({ reason: "image", isOverdue: true });
});

const KEY = derivedKey(
  {
    kid: "k1",
    pipeline: "scans",
    job: "0f8fad5b-d9cb-469f-a165-70867728950e",
    attempt: 1,
    exp: 1_900_000_000,
    nonce: "ab".repeat(16),
    scope: "progress",
  },
  { current: "k1", secrets: new Map([["k1", Buffer.alloc(32)]]) },
);

test("a program that prints its environment does not print its key onto the job's record", () => {
  const line = `MILLRACE_KEY=${KEY} and more`;
  expect(tailOf(`2026-01-01T00:00:00Z ${line}\n`)[0]?.message).toBe("MILLRACE_KEY=[key] and more");
  const pod = observedPod({
    metadata: { name: "p" },
    spec: { containers: [{ name: "main" }] },
    status: {
      containerStatuses: [
        {
          name: "main",
          image: "i",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode: 1, message: line } },
        },
      ],
    },
  });
  expect(pod.containers[0]?.terminated?.message).toBe("MILLRACE_KEY=[key] and more");
});
