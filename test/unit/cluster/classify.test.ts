import { expect, test } from "vitest";
import { classify, type Verdict } from "../../../lib/cluster/classify.ts";
import type {
  Condition,
  ObservedContainer,
  ObservedEvent,
  ObservedJob,
  ObservedPod,
} from "../../../lib/cluster/observed.ts";

/** Everything begins at 0; the pod is made at 1 s. */
const job = (conditions: Condition[] = [], more: Partial<ObservedJob> = {}): ObservedJob => ({
  name: "mr-x-a1",
  uid: "job-uid",
  labels: {},
  jobs: [],
  createdAt: 0,
  conditions,
  ...more,
});
const condition = (type: string, reason: string, message = "", at = 9000): Condition => ({
  type,
  isTrue: true,
  reason,
  message,
  at,
});
const pod = (containers: ObservedContainer[], more: Partial<ObservedPod> = {}): ObservedPod => ({
  name: "mr-x-a1-abcde",
  uid: "pod-uid",
  createdAt: 1000,
  phase: "Pending",
  reason: "",
  message: "",
  node: "node-1",
  conditions: [],
  containers,
  ...more,
});
const ended = (name: string, exitCode = 0, reason = "", message = ""): ObservedContainer => ({
  name,
  terminated: {
    exitCode,
    reason: reason || (exitCode === 0 ? "Completed" : "Error"),
    message,
    startedAt: 2000,
    finishedAt: 5000,
  },
});
const running = (name: string): ObservedContainer => ({ name, running: { startedAt: 6000 } });
const waiting = (name: string, reason = "PodInitializing", message = ""): ObservedContainer => ({
  name,
  waiting: { reason, message },
});
const event = (message: string): ObservedEvent => ({
  type: "Warning",
  reason: "FailedCreate",
  message,
  at: 1000,
});
const BACKOFF = "Job has reached the specified backoff limit";
const failed = condition("Failed", "BackoffLimitExceeded", BACKOFF);
const failing = condition("FailureTarget", "BackoffLimitExceeded", BACKOFF);

interface Case {
  readonly what: string;
  readonly seen: [ObservedJob | undefined, ObservedPod[]?, ObservedEvent[]?];
  /** Seconds since the beginning; 10 when it does not matter. */
  readonly at?: number;
  readonly verdict: Partial<Verdict>;
}

const CASES: readonly Case[] = [
  { what: "no Job", seen: [undefined], verdict: { kind: "absent" } },
  {
    what: "deleted, still ending",
    seen: [job([], { deletingAt: 5000 }), [pod([running("main")])]],
    verdict: { kind: "ending" },
  },
  { what: "just made", seen: [job()], verdict: { kind: "waiting", since: 0 } },
  {
    what: "its pod is being set up",
    seen: [job(), [pod([waiting("fetch", "ContainerCreating"), waiting("main"), waiting("publish")])]],
    verdict: { kind: "waiting", since: 0 },
  },
  {
    what: "the user's container runs",
    seen: [job(), [pod([ended("fetch"), running("main"), waiting("publish")])]],
    verdict: {
      kind: "running",
      since: 6000,
      evidence: { pod: "mr-x-a1-abcde", node: "node-1", container: "main", startedAt: 6000 },
    },
  },
  {
    what: "its outputs are being stored",
    seen: [job(), [pod([ended("fetch"), ended("main"), running("publish")])]],
    verdict: { kind: "running", since: 2000 },
  },
  {
    what: "complete",
    seen: [
      job([
        condition("SuccessCriteriaMet", "CompletionsReached"),
        condition("Complete", "CompletionsReached"),
      ]),
      [pod([ended("fetch"), ended("main"), ended("publish")])],
    ],
    verdict: {
      kind: "succeeded",
      evidence: {
        pod: "mr-x-a1-abcde",
        node: "node-1",
        container: "main",
        exitCode: 0,
        startedAt: 2000,
        finishedAt: 5000,
      },
    },
  },
  {
    what: "complete, told by the interim condition alone",
    seen: [job([condition("SuccessCriteriaMet", "CompletionsReached")]), [pod([ended("main")])]],
    verdict: { kind: "succeeded" },
  },
  {
    what: "exit code 42",
    seen: [
      job([failing, failed]),
      [
        pod([ended("fetch"), ended("main", 42, "", "no text in page 3\n"), waiting("publish")], {
          phase: "Failed",
        }),
      ],
    ],
    verdict: {
      kind: "failed",
      reason: "exit",
      message: "the container ended with exit code 42: no text in page 3",
      evidence: {
        pod: "mr-x-a1-abcde",
        node: "node-1",
        container: "main",
        exitCode: 42,
        startedAt: 2000,
        finishedAt: 5000,
      },
    },
  },
  {
    what: "exit code 42 by a failure policy",
    seen: [
      job([
        condition(
          "FailureTarget",
          "PodFailurePolicy",
          "Container main for pod ns/x failed with exit code 42 matching FailJob rule at index 0",
        ),
      ]),
      [pod([ended("main", 42)])],
    ],
    verdict: { kind: "failed", reason: "exit", message: "the container ended with exit code 42" },
  },
  {
    what: "killed, and not for its memory",
    seen: [job([failed]), [pod([ended("main", 137)])]],
    verdict: { kind: "failed", reason: "exit", message: "the container was killed" },
  },
  {
    what: "out of memory",
    seen: [job([failed]), [pod([ended("fetch"), ended("main", 137, "OOMKilled")])]],
    verdict: { kind: "failed", reason: "oom", message: "main ran out of memory" },
  },
  {
    what: "the agent found an object missing",
    seen: [
      job([failed]),
      [pod([ended("fetch", 1, "", "object-missing: in/a.png was replaced"), waiting("main")])],
    ],
    verdict: { kind: "failed", reason: "object-missing", message: "in/a.png was replaced" },
  },
  {
    what: "the agent was killed",
    seen: [job([failed]), [pod([ended("fetch"), ended("main"), ended("publish", 137)])]],
    verdict: {
      kind: "failed",
      reason: "agent",
      message: "publish: Error",
      evidence: {
        pod: "mr-x-a1-abcde",
        node: "node-1",
        container: "publish",
        exitCode: 137,
        startedAt: 2000,
        finishedAt: 5000,
      },
    },
  },
  {
    what: "the agent says something that is no reason",
    seen: [job([failed]), [pod([ended("fetch", 1, "", "constructor: x")])]],
    verdict: { kind: "failed", reason: "agent", message: "fetch: constructor: x" },
  },
  {
    what: "over its deadline",
    seen: [
      job([condition("FailureTarget", "DeadlineExceeded")]),
      [pod([ended("fetch"), running("main")], { phase: "Running" })],
    ],
    at: 4200,
    verdict: {
      kind: "failed",
      reason: "timeout",
      message: "the attempt was ended after its time was over, 4200 s after it began",
    },
  },
  {
    what: "over its deadline, and it never began",
    seen: [
      job([condition("Failed", "DeadlineExceeded")]),
      [pod([waiting("fetch", "ImagePullBackOff", "Back-off pulling image")])],
    ],
    verdict: { kind: "failed", reason: "image", message: "fetch: ImagePullBackOff: Back-off pulling image" },
  },
  {
    what: "the pod was deleted by somebody",
    seen: [job([failed])],
    verdict: { kind: "failed", reason: "vanished", message: `the pod was deleted: ${BACKOFF}` },
  },
  {
    what: "the kubelet evicted it",
    seen: [
      job([failed]),
      [
        pod([ended("main", 137)], {
          phase: "Failed",
          reason: "Evicted",
          message: "The node was low on resource: ephemeral-storage.",
        }),
      ],
    ],
    verdict: {
      kind: "failed",
      reason: "evicted",
      message: "The node was low on resource: ephemeral-storage.",
    },
  },
  {
    what: "its node died: FailureTarget stays alone",
    seen: [
      job([failing]),
      [
        pod([ended("fetch"), running("main")], {
          phase: "Running",
          deletingAt: 8000,
          conditions: [
            condition(
              "DisruptionTarget",
              "DeletionByTaintManager",
              "Taint manager: deleting due to NoExecute taint",
            ),
          ],
        }),
      ],
    ],
    verdict: {
      kind: "failed",
      reason: "node-lost",
      message: "the pod on node-1: Taint manager: deleting due to NoExecute taint",
    },
  },
  {
    what: "its node died: no condition at all",
    seen: [
      job(),
      [
        pod([ended("fetch"), running("main")], {
          phase: "Running",
          deletingAt: 8000,
          conditions: [condition("DisruptionTarget", "DeletionByTaintManager")],
        }),
      ],
    ],
    at: 308,
    verdict: { kind: "stuck", reason: "node-lost", since: 9000, isOverdue: false },
  },
  {
    what: "its node died five minutes ago",
    seen: [
      job(),
      [pod([running("main")], { conditions: [condition("DisruptionTarget", "DeletionByTaintManager")] })],
    ],
    at: 309,
    verdict: { kind: "stuck", reason: "node-lost", isOverdue: true },
  },
  {
    what: "evicted through the API, to be replaced",
    seen: [
      job(),
      [
        pod([running("main")], {
          createdAt: -9e9,
          conditions: [condition("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")],
        }),
      ],
    ],
    verdict: {
      kind: "stuck",
      reason: "evicted",
      message: "the pod on node-1: Eviction API: evicting",
      isOverdue: false,
    },
  },
  {
    what: "evicted and replaced",
    seen: [
      job(),
      [
        pod([running("main")], { createdAt: 9000, name: "second" }),
        pod([ended("main", 143)], {
          phase: "Failed",
          conditions: [condition("DisruptionTarget", "EvictionByEvictionAPI")],
        }),
      ],
    ],
    verdict: {
      kind: "running",
      evidence: { pod: "second", node: "node-1", container: "main", startedAt: 6000 },
    },
  },
  {
    what: "an image that is not there",
    seen: [
      job(),
      [pod([ended("fetch"), waiting("main", "ImagePullBackOff", 'Back-off pulling image "nope:1"')])],
    ],
    at: 304,
    verdict: {
      kind: "stuck",
      reason: "image",
      message: 'main: ImagePullBackOff: Back-off pulling image "nope:1"',
      since: 5000,
      isOverdue: false,
    },
  },
  {
    what: "an image that is not there after five minutes",
    seen: [job(), [pod([ended("fetch"), waiting("main", "ErrImageNeverPull")])]],
    at: 305,
    verdict: { kind: "stuck", reason: "image", message: "main: ErrImageNeverPull", isOverdue: true },
  },
  {
    what: "a secret that is missing",
    seen: [
      job(),
      [pod([ended("fetch"), waiting("main", "CreateContainerConfigError", 'secret "nope" not found')])],
    ],
    at: 125,
    verdict: {
      kind: "stuck",
      reason: "container-config",
      message: 'main: CreateContainerConfigError: secret "nope" not found',
      isOverdue: true,
    },
  },
  {
    what: "no machine is large enough",
    seen: [
      job(),
      [
        pod([], {
          conditions: [
            {
              type: "PodScheduled",
              isTrue: false,
              reason: "Unschedulable",
              message: "0/3 nodes are available: 3 Insufficient cpu.",
              at: 1000,
            },
          ],
        }),
      ],
    ],
    at: 900,
    verdict: {
      kind: "stuck",
      reason: "unschedulable",
      message: "0/3 nodes are available: 3 Insufficient cpu.",
      since: 1000,
      isOverdue: false,
    },
  },
  {
    what: "not scheduled yet",
    seen: [
      job(),
      [
        pod([], {
          conditions: [
            { type: "PodScheduled", isTrue: false, reason: "SchedulerError", message: "", at: 1000 },
          ],
        }),
      ],
    ],
    verdict: { kind: "waiting" },
  },
  {
    what: "a quota",
    seen: [
      job(),
      [],
      [
        event(
          'pods "mr-x-a1-" is forbidden: exceeded quota: q, requested: cpu=4, used: cpu=8, limited: cpu=8',
        ),
      ],
    ],
    verdict: { kind: "stuck", reason: "quota", since: 0, isOverdue: false },
  },
  {
    what: "a pod that Pod Security does not take",
    seen: [
      job(),
      [],
      [event('pods "mr-x-a1-" is forbidden: violates PodSecurity "restricted:latest": privileged')],
    ],
    verdict: {
      kind: "stuck",
      reason: "refused",
      message: 'pods "mr-x-a1-" is forbidden: violates PodSecurity "restricted:latest": privileged',
      isOverdue: true,
    },
  },
  {
    what: "suspended by a queue of the cluster's",
    seen: [job([condition("Suspended", "JobSuspended")])],
    verdict: { kind: "waiting", since: 0 },
  },
];

test.for(CASES.map((each) => [each.what, each] as const))("%s", ([, { seen, at = 10, verdict }]) => {
  const [seenJob, pods = [], events = []] = seen;
  expect(classify(seenJob, pods, events, at * 1000)).toMatchObject(verdict);
});
