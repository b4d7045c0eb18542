import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { startRuntime } from "../../infra/local/runtime.ts";
import type { S3Options } from "../../infra/local/s3/server.ts";
import type { Board } from "../../lib/board/board.ts";
import { PipelineJob } from "../../lib/client/pipeline-job.ts";
import { loadDefinitions } from "../../lib/definition/files.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import { functionsOf } from "../../lib/plan/functions.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { actionsOf, functionRoles, may } from "./iam.ts";
import { type Call, calls, unknown } from "./recorder.ts";
import { ACCOUNT, REGION, synthesized, temporaryFolder } from "./stacks.ts";

/**
 * What functions call of AWS when a pipeline with a stage of each kind is worked on and looked after, held against what
 * their roles allow. On this machine nobody checks permissions; here every request is written down on its way.
 */

vi.mock("../../infra/local/function-host.ts", async (original) => {
  const [actual, { naming }] = await Promise.all([
    original<typeof import("../../infra/local/function-host.ts")>(),
    import("./recorder.ts"),
  ]);
  return { ...actual, FunctionHost: naming(actual.FunctionHost) };
});
vi.mock("../../infra/local/sqs/server.ts", async (original) => {
  const actual = await original<typeof import("../../infra/local/sqs/server.ts")>();
  const { recorded } = await import("./recorder.ts");
  return {
    ...actual,
    startSqs: (...options: Parameters<typeof actual.startSqs>) => recorded(actual.startSqs(...options)),
  };
});
vi.mock("../../infra/local/dynamodb/server.ts", async (original) => {
  const actual = await original<typeof import("../../infra/local/dynamodb/server.ts")>();
  const { recorded } = await import("./recorder.ts");
  return {
    ...actual,
    startDynamoDb: (...options: Parameters<typeof actual.startDynamoDb>) =>
      recorded(actual.startDynamoDb(...options)),
  };
});
vi.mock("../../infra/local/event-bus.ts", async (original) => {
  const actual = await original<typeof import("../../infra/local/event-bus.ts")>();
  const { recorded } = await import("./recorder.ts");
  return {
    ...actual,
    startEventBus: (...options: Parameters<typeof actual.startEventBus>) =>
      recorded(actual.startEventBus(...options)),
  };
});
vi.mock("../../infra/local/s3/server.ts", async (original) => {
  const actual = await original<typeof import("../../infra/local/s3/server.ts")>();
  const { recorded } = await import("./recorder.ts");
  return {
    ...actual,
    startS3: (options: S3Options) => recorded(actual.startS3({ ...options, credentials: SIGNERS })),
  };
});

const { definitions } = loadDefinitions([
  join(import.meta.dirname, "../local/pipelines/kinds/pipeline.yaml"),
]);
const plan = makePlan(definitions);
const [kinds] = plan.pipelines;
const NAMES = [
  "millrace_API",
  "millrace_ARCHIVE",
  "millrace_CALLBACK",
  "millrace_SWEEP",
  ...(kinds ? functionsOf(kinds, "").map(({ plan: { name } }) => name) : []),
];
const SIGNERS = Object.fromEntries(["local", ...NAMES].map((name) => [name, "local"]));
const roles = functionRoles(
  synthesized(plan, {
    cluster: "shared",
    clusterEndpoint: "https://cluster.example.org",
    clusterCa: "LS0t",
    agentImage: "example.org/agent:1",
  }).values(),
);

/** Outputs whose list is too large for a row. */
const MANY = Array.from({ length: 60 }, (_, index) => ({ data: { index, text: "z".repeat(200) } }));
const SOON = { timeout: 100_000, interval: 250 };

const BUCKET = `arn:aws:s3:::millrace-${ACCOUNT}-${REGION}`;
const TABLE = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${plan.table}`;

/** The resource as it is called in an account. */
function arnOf({ resource }: Call): string {
  const [kind, name = ""] = resource.split(/ (.*)/s);
  if (kind === "queue") return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
  if (kind === "object") return `${BUCKET}/${name}`;
  if (kind === "index") return `${TABLE}/index/${name}`;
  return (
    { bucket: BUCKET, table: TABLE, bus: `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/millrace` }[
      kind ?? ""
    ] ?? ""
  );
}

test("every call that a function makes is one that its role allows, and nobody is allowed what nobody calls", async () => {
  const runtime = await startRuntime({ plan, data: temporaryFolder(), port: 0, say: () => {} });
  onTestFinished(runtime.stop);
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(runtime.url + path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T;
    expect(response.status, `${method} ${path}: ${JSON.stringify(answer)}`).toBeLessThan(300);
    return answer;
  };
  const pipeline = "/v1/pipelines/kinds";
  const jobs = async (stage: string, state: string) =>
    (await ask<{ jobs: JobRecord[] }>("GET", `${pipeline}/jobs?stage=${stage}&state=${state}`)).jobs;

  await aTokenGoesThroughAllStages();
  await theErrorBucketIsWorkedOn();
  await outsidersMakeJobs();
  for (const path of [pipeline, "/v1/pipelines", `${pipeline}/board`]) await ask("GET", path);

  expect(unknown).toEqual([]);
  expect([...new Set(calls.map(({ functionName }) => functionName))].sort()).toEqual(NAMES.toSorted());
  const denied = calls.filter(
    (call) => !may(roles.get(call.functionName), call.action, arnOf(call), call.partition),
  );
  expect(new Set(denied.map((call) => JSON.stringify(call)))).toEqual(new Set());
  expect(unused()).toEqual([
    // Lambda's own, with the function's role.
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    // Of a stream that breaks off.
    "s3:AbortMultipartUpload",
    // Here they are files.
    "secretsmanager:GetSecretValue",
    // Lambda's again: what feeds a function.
    "sqs:ReceiveMessage",
  ]);

  async function aTokenGoesThroughAllStages(): Promise<void> {
    const { url } = await ask<{ url: string }>("POST", `${pipeline}/uploads`, { name: "a.txt" });
    expect((await fetch(url, { method: "PUT", body: "a" })).status).toBe(200);
    await vi.waitFor(async () => expect(await jobs("judge", "CREATED")).toHaveLength(1), SOON);
    const [job] = await jobs("judge", "CREATED");
    const { key } = await ask<{ key: string }>("POST", `/v1/jobs/${job?.id}/key`, {});
    const judged = new PipelineJob({ id: job?.id ?? "", key }, { url: runtime.url });
    await judged
      .run()
      .update({ note: "x".repeat(60_000) })
      .archive("verdict.csv", "good")
      .finish({ outputs: [{ data: "y".repeat(40_000), objects: ["verdict.csv"] }, ...MANY] });
    const board = () => ask<Board>("GET", `${pipeline}/board`);
    await vi.waitFor(async () => expect(await board()).toMatchObject({ put: 1, outstanding: 0 }), SOON);
    await ask("GET", `/v1/tokens/${job?.token}`);
    await ask("GET", `/v1/jobs/${job?.id}`);
  }

  async function theErrorBucketIsWorkedOn(): Promise<void> {
    const large = { text: "x".repeat(200_000) };
    await ask("POST", `${pipeline}/tokens`, { tokens: [{ data: large, key: "k" }, { data: {} }] });
    const bucket = async () => (await ask<{ jobs: JobRecord[] }>("GET", `${pipeline}/dead`)).jobs;
    await vi.waitFor(async () => expect(await bucket()).toHaveLength(2), SOON);
    const ids = (await bucket()).map(({ id }) => id);
    await ask("POST", `${pipeline}/dead/retry`, { ids: ids.slice(0, 1) });
    await vi.waitFor(async () => expect(await bucket()).toHaveLength(2), SOON);
    await ask("POST", `${pipeline}/dead/skip`, { all: true });
  }

  async function outsidersMakeJobs(): Promise<void> {
    const job = new PipelineJob({ pipeline: "kinds", parameters: { sample: 1 } }, { url: runtime.url });
    await job.setup().run().archive("a.csv", "1,2\n");
    for (let percent = 0; percent < 20; percent += 1) await job.update({ percent });
    await job.finish();
    const files = async () => (await ask<{ files: unknown[] }>("GET", `/v1/jobs/${job.id}/files`)).files;
    await vi.waitFor(async () => expect(await files()).toHaveLength(1), SOON);
    await job.refresh();
    await ask("GET", `/v1/jobs/${job.id}?shape=v1`);
    await ask("POST", `/v1/jobs/${job.id}/verbs/reset`, {});
    await ask("POST", `/v1/jobs/${job.id}/verbs/delete`, { purge: true });
  }
}, 600_000);

/** Actions that no function has called of those that some role allows. */
function unused(): string[] {
  const called = new Set(calls.map(({ action }) => action));
  const allowed = [...roles.values()].flatMap(actionsOf);
  return [...new Set(allowed)].filter((action) => !called.has(action)).sort();
}
