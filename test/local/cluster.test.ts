import { expect, onTestFinished, test, vi } from "vitest";
import { openDataDirectory } from "../../infra/local/data-directory.ts";
import { startServices } from "../../infra/local/services.ts";
import { systemClock } from "../../lib/clock.ts";
import { clusterAccess } from "../../lib/cluster/access.k8s.ts";
import { classify } from "../../lib/cluster/classify.ts";
import { kubernetesCluster } from "../../lib/cluster/cluster.k8s.ts";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { jobManifest } from "../../lib/cluster/manifest.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { heavyStage, JOB, SETTINGS } from "../unit/cluster/stages.ts";

const IMAGES = new Map([
  // In place of the agent: what it is told to do is all that this one says.
  [
    "registry/agent:1",
    ["sh", "-c", 'echo "$0 in $MILLRACE_OUT"; [ "$0" = publish ] || mkdir -p $MILLRACE_OUT'],
  ],
  ["registry/ocr:1", ["sh", "-c", 'pwd; echo "$KDP_INPUT $PASSWORD" > result; cat result; exit $EXIT']],
]);

/** The functions' own way to the cluster of a runtime. */
async function startCluster(): Promise<Cluster> {
  const cluster = kubernetesCluster(await clusterAccess(await clusterEnv({}), systemClock), "millrace");
  onTestFinished(cluster.close);
  return cluster;
}

async function clusterEnv(env: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
  const directory = openDataDirectory(temporaryFolder());
  onTestFinished(directory.release);
  const services = await startServices(
    directory,
    {
      onObjectCreated: async () => {},
      cluster: { namespace: "millrace", images: IMAGES, secrets: { vault: { PASSWORD: "hush" } } },
    },
    env,
  );
  onTestFinished(services.close);
  return services.clusterEnv;
}

test("a KUBECONFIG that is set for other ends is left alone; with a namespace it is meant", async () => {
  const KUBECONFIG = "/nowhere/config";
  expect(await clusterEnv({ KUBECONFIG })).toEqual({
    MILLRACE_CLUSTER_ENDPOINT: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/),
    MILLRACE_CLUSTER_TOKEN: expect.any(String),
  });
  const named = { KUBECONFIG, MILLRACE_NAMESPACE: "mine", MILLRACE_API_URL: "http://10.0.0.7:7420" };
  await expect(clusterEnv(named)).rejects.toThrow(
    "KUBECONFIG and MILLRACE_NAMESPACE name a cluster, and MILLRACE_AGENT_IMAGE is not set",
  );
  const meant = { ...named, MILLRACE_AGENT_IMAGE: "registry/agent:1" };
  expect(await clusterEnv(meant)).toEqual(meant);
});

const manifestOf = (attempt: number, exit: string) =>
  jobManifest(
    heavyStage(
      { image: "registry/ocr:1", command: ["ignored"] },
      { env: { EXIT: exit }, secrets: ["vault"] },
    ),
    [{ job: JOB, attempt, agentKey: "agent", ownKey: "report" }],
    SETTINGS,
    '{"in":"/millrace/in"}',
  );

const verdictOf = async (cluster: Cluster, name: string) => {
  const [job, pods, events] = await Promise.all([
    cluster.getJob(name),
    cluster.pods(name),
    cluster.events(name),
  ]);
  return { job, pods, verdict: classify(job, pods, events, systemClock.now()) };
};

const ended = (cluster: Cluster, name: string) =>
  vi.waitUntil(
    async () => {
      const seen = await verdictOf(cluster, name);
      return (seen.verdict.kind === "succeeded" || seen.verdict.kind === "failed") && seen;
    },
    { timeout: 60_000, interval: 50 },
  );

test("the Job of a stage's attempt runs here as it would there", async () => {
  const cluster = await startCluster();
  const manifest = manifestOf(1, "0");
  expect(await cluster.ensureJob(manifest)).toEqual({ kind: "made", warnings: [] });
  expect(await cluster.ensureJob(manifest)).toMatchObject({ kind: "adopted", isSame: true });
  const { job, pods, verdict } = await ended(cluster, manifest.metadata.name);
  expect(verdict.kind).toBe("succeeded");
  const pod = pods[0]?.name ?? "";
  const textOf = async (container: string): Promise<string> => {
    const text = (await cluster.logTail(pod, container, 10)) ?? "";
    return text.replaceAll(/^\d{4}-\d\d-\d\dT[\d:.]+Z /gm, "");
  };
  const lines = (await textOf("main")).split("\n");
  expect(lines[0]).toMatch(/\/volumes\/millrace\/out$/);
  expect(lines[1]).toBe('{"in":"/millrace/in"} hush');
  expect(await textOf("publish")).toBe(`publish in ${lines[0]}\n`);
  if (!job) throw new Error("the Job is gone");
  await cluster.deleteJob(job);
  expect(await cluster.getJob(manifest.metadata.name)).toBeUndefined();
});

test("and fails as it would there", async () => {
  const cluster = await startCluster();
  const manifest = manifestOf(2, "3");
  await cluster.ensureJob(manifest);
  const { verdict } = await ended(cluster, manifest.metadata.name);
  expect(verdict).toMatchObject({
    kind: "failed",
    reason: "exit",
    evidence: { container: "main", exitCode: 3 },
  });
});

test("an image that nothing stands in for is told within a moment", async () => {
  const cluster = await startCluster();
  const stage = heavyStage({ image: "registry/unknown:1" });
  const token = { job: JOB, attempt: 1, agentKey: "agent", ownKey: "report" };
  const manifest = jobManifest(stage, [token], SETTINGS);
  await cluster.ensureJob(manifest);
  const verdict = await vi.waitUntil(
    async () => {
      const { verdict: each } = await verdictOf(cluster, manifest.metadata.name);
      return each.kind === "stuck" && each;
    },
    { timeout: 60_000, interval: 50 },
  );
  expect(verdict).toMatchObject({ reason: "image", isOverdue: false });
  expect(verdict.message).toContain("registry/unknown:1");
});
