import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { stop } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../../infra/aws/bundle.ts";
import { openDataDirectory } from "../../infra/local/data-directory.ts";
import { FunctionHost } from "../../infra/local/function-host.ts";
import { provisionBucket, provisionQueues, provisionTable } from "../../infra/local/provision.ts";
import { type Services, startServices } from "../../infra/local/services.ts";
import { documentClient, dynamoDbClient, sqsClient } from "../../lib/clients.aws.ts";
import { requireDefinitions } from "../../lib/definition/files.ts";
import { derivedKey, KEY_RING_SECRET, type KeyRecord, readKeyRing } from "../../lib/job/callback-key.ts";
import { jobKey } from "../../lib/job/keys.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import { type FedFunction, functionsOf } from "../../lib/plan/functions.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { temporaryFolder } from "./stacks.ts";

/** Every sample event in `events/` is fed to the function that is deployed: bundled, and without our sources around it. */

const ROOT = join(import.meta.dirname, "../..");
const EVENTS = join(ROOT, "events");
const BUCKET = "millrace";
const plan = makePlan(
  requireDefinitions(["scans", "fcs-etl", "render"].map((name) => join(ROOT, "pipelines", name))),
);
/** The secret that callback keys are derived from. */
const RING = JSON.stringify({ current: "k1", k1: "5e".repeat(32) });

let services: Services;
let release: () => void;
let code: string;
let queueBase: string;
let keys: string;
const hosts = new Map<string, FunctionHost>();
const printed: string[] = [];

beforeAll(async () => {
  code = temporaryFolder();
  await bundle(plan, code);
  await stop();
  keys = temporaryFolder();
  writeFileSync(join(keys, `${KEY_RING_SECRET}.json`), RING);
  const directory = openDataDirectory(temporaryFolder());
  release = directory.release;
  services = await startServices(
    directory,
    {
      onObjectCreated: async () => {},
      cluster: { namespace: "millrace", images: new Map(), secrets: {} },
    },
    {},
  );
  queueBase = (await provisionQueues(sqsClient(services.env), plan)).urlBase;
  await provisionTable(dynamoDbClient(services.env), plan.table);
  await provisionBucket(s3Client(services.env), BUCKET);
});

afterAll(async () => {
  await Promise.all([...hosts.values()].map((host) => host.close()));
  await services.close();
  release();
});

/** The bundled function, in an environment of its own. */
function hostOf(name: string): FunctionHost {
  const known: Pick<FedFunction, "module" | "plan" | "variables">[] = [
    ...(["api", "callback", "archive"] as const).map((module) => ({
      module,
      plan: plan[module],
      variables: {},
    })),
    { module: "sweep", plan: plan.sweep!.function, variables: {} },
    ...plan.pipelines.flatMap((pipeline) => functionsOf(pipeline, join(code, "pipelines", pipeline.id))),
  ];
  const found = known.find((each) => each.plan.name === name);
  if (!found) throw new Error(`there is no function ${name}`);
  const existing = hosts.get(name);
  if (existing) return existing;
  const env = {
    ...services.env,
    ...found.variables,
    MILLRACE_PLAN: join(code, "plan.json"),
    MILLRACE_QUEUE_BASE: queueBase,
    MILLRACE_BUCKET: BUCKET,
    MILLRACE_KEYS: keys,
    ...services.clusterEnv,
    MILLRACE_NAMESPACE: "millrace",
    MILLRACE_AGENT_IMAGE: "example.org/agent:1",
    MILLRACE_API_URL: "http://127.0.0.1:9",
  };
  const module = join(code, "functions", `${found.module}.mjs`);
  const host = new FunctionHost({ plan: found.plan, module, env }, (_, line) => printed.push(line));
  hosts.set(name, host);
  return host;
}

const feed = (
  name: string,
  file: string,
  change: (text: string) => string = (text) => text,
): Promise<unknown> => hostOf(name).invoke(JSON.parse(change(readFileSync(join(EVENTS, file), "utf8"))));

async function bodiesIn(queue: string): Promise<Record<string, unknown>[]> {
  const { Messages = [] } = await sqsClient(services.env).send(
    new ReceiveMessageCommand({ QueueUrl: queueBase + queue, MaxNumberOfMessages: 10 }),
  );
  return Messages.map(({ Body = "" }) => JSON.parse(Body));
}

async function jobOf(token: string, pipeline = "scans"): Promise<JobRecord | undefined> {
  const jobs = await jobQueries(documentClient(services.env), plan.table).list(pipeline, { limit: 100 });
  return jobs.find((job) => job.token === token);
}

const PAGE = "It was a dark night,   \r\nand the lamp was out.\r\n";
const PAGE_KEY =
  "out/scans/extract/5f0f2a52-3d0e-5a8e-9d67-3c1f6f2f3a10/0d4ff0a6-55f5-4f4c-8a6b-1f9b7a3f5b11/00000001.txt";

test("stage: of a batch, the token is worked on, and what is none or lacks its object is parked", async () => {
  await s3Client(services.env).send(new PutObjectCommand({ Bucket: BUCKET, Key: PAGE_KEY, Body: PAGE }));
  const answer = await feed("millrace_scans_modify", "stage-batch-with-poison.json");
  expect(answer, printed.join("\n")).toEqual({ batchItemFailures: [] });
  expect(await jobOf("b1f3c9a2-58b4-5d5e-8f53-6a1de2f5c001")).toMatchObject({
    state: "FINISHED",
    attempt: 1,
  });
  expect(await jobOf("b1f3c9a2-58b4-5d5e-8f53-6a1de2f5c002")).toMatchObject({
    state: "FAILED",
    reason: "object-missing",
  });
  const { rows } = await jobQueries(documentClient(services.env), plan.table).dead("scans", {
    edge: undefined,
    after: undefined,
    limit: 10,
  });
  expect(rows.map(({ reason }) => reason).sort()).toEqual(["malformed", "object-missing"]);
  const [sent, ...more] = await bodiesIn("millrace_scans_modify_upload");
  expect(sent).toMatchObject({
    edge: "modify_upload",
    payload: { data: { barcode: "32101075851400", pages: 1, words: 10 } },
  });
  expect(more).toEqual([]);
});

test("stage: what comes through the dead-letter queue, and was worked on, is sent once more and done with", async () => {
  const answer = await feed("millrace_scans_modify", "stage-dead-letter.json");
  expect(answer, printed.join("\n")).toEqual({ batchItemFailures: [] });
  expect(await bodiesIn("millrace_scans_modify_upload")).toMatchObject([
    { edge: "modify_upload", resend: true },
  ]);
});

test("ingest: an upload, by EventBridge, becomes a token that refers to it", async () => {
  expect(await feed("millrace_scans_INGEST", "ingest-upload.json")).toEqual({ batchItemFailures: [] });
  expect(await bodiesIn("millrace_scans__decrypt")).toMatchObject([
    {
      payload: {
        objects: [
          {
            key: "incoming/32101075851400.tgz.gpg",
            size: 1_048_576,
            versionId: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
          },
        ],
      },
    },
  ]);
});

test("ingest: a put becomes a token, S3's test event does not", async () => {
  expect(await feed("millrace_scans_INGEST", "ingest-put-and-poison.json")).toEqual({
    batchItemFailures: [],
  });
  const tokens = await bodiesIn("millrace_scans__decrypt");
  expect(tokens).toMatchObject([
    { id: "d9b2d63d-a233-4123-847a-7090d56a0c11", payload: { data: { barcode: "32101075851426" } } },
  ]);
});

test("api: it lists the pipelines", async () => {
  const answer = (await feed("millrace_API", "api-pipelines.json")) as { statusCode: number; body: string };
  expect(answer.statusCode).toBe(200);
  expect(JSON.parse(answer.body)).toMatchObject({
    pipelines: [{ id: "scans", name: "Page scans" }, { id: "fcs-etl" }, { id: "render" }],
  });
});

test("api: a put lies in the intake queue", async () => {
  const answer = (await feed("millrace_API", "api-put.json")) as { statusCode: number; body: string };
  expect(answer.statusCode).toBe(202);
  const { tokens } = JSON.parse(answer.body) as { tokens: string[] };
  expect(await bodiesIn("millrace_scans_INTAKE")).toMatchObject([
    { kind: "put", token: tokens[0], data: { barcode: "32101075851434" }, key: "32101075851434" },
  ]);
});

/** The receipt handle of a message that is in flight. */
async function claimOf(queue: string, body: string): Promise<string> {
  const [client, QueueUrl] = [sqsClient(services.env), queueBase + queue];
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  const { Messages: [message] = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
  return message?.ReceiptHandle ?? "";
}

const TOKEN = "4c0de1fa-5d9e-5a7c-9a5e-2b7f0f3f6a01";
const JOB = "84ed9405-3535-58a7-8af3-9223b87f2899";

test("dispatch: of a batch, the token's job is made and its claim is kept, and what is no token is parked", async () => {
  const claimed = await claimOf("millrace_fcs-etl__etl", "any");
  const answer = await feed("millrace_fcs-etl_etl", "dispatch-batch-with-poison.json", (text) =>
    // A token that is a week old would be sent afresh.
    text.replaceAll("1767225600000", String(Date.now())).replace("AQEB-0b3d6a0e", claimed),
  );
  expect(answer, printed.join("\n")).toEqual({
    batchItemFailures: [{ itemIdentifier: "0b3d6a0e-54b6-4c1b-8d9a-5a5f6f0d7b11" }],
  });
  expect(await jobOf(TOKEN, "fcs-etl")).toMatchObject({ id: JOB, state: "CREATED" });
});

test("dispatch-image: of a batch, the token's Job is made in the cluster, and what is no token is parked", async () => {
  const claimed = await claimOf("millrace_render_paginate_draw", "any");
  const answer = await feed("millrace_render_draw", "dispatch-image-batch-with-poison.json", (text) =>
    text.replaceAll("1767225600000", String(Date.now())).replace("AQEB-3f5d7a1e", claimed),
  );
  expect(answer, printed.join("\n")).toEqual({
    batchItemFailures: [{ itemIdentifier: "3f5d7a1e-90b6-4d1b-8c9a-5a5f6f0d7b33" }],
  });
  expect(await jobOf("5d0de1fa-5d9e-5a7c-9a5e-2b7f0f3f6a02", "render")).toMatchObject({ state: "CREATED" });
  expect(services.calls()).toMatchObject({ createNamespacedJob: 1 });
});

test("sweep: it looks at the cluster's Jobs and leaves alone what is under way", async () => {
  // Its image is none that can be had here: the cluster says so within a moment.
  await expect.poll(() => feed("millrace_SWEEP", "sweep-schedule.json")).toEqual({ stuck: 1 });
  expect(services.calls()["listNamespacedJob"]).toBeGreaterThanOrEqual(1);
  expect(await jobOf("5d0de1fa-5d9e-5a7c-9a5e-2b7f0f3f6a02", "render")).toMatchObject({ state: "CREATED" });
});

test("callback: a key that nobody has made is refused, the job's own is heard", async () => {
  const forged = (await feed("millrace_CALLBACK", "callback-finish.json")) as {
    statusCode: number;
    body: string;
  };
  expect([forged.statusCode, JSON.parse(forged.body).code]).toEqual([403, "forbidden"]);
  const { Item } = await documentClient(services.env).send(
    new GetCommand({ TableName: plan.table, Key: jobKey("fcs-etl", JOB) }),
  );
  const { kid, exp, nonce, scope } = Item!["key"] as KeyRecord;
  const claims = { pipeline: "fcs-etl", job: JOB, attempt: 1, kid, exp, nonce, scope };
  const key = derivedKey(claims, readKeyRing(RING));
  const heard = (await feed("millrace_CALLBACK", "callback-finish.json", (text) =>
    text.replace(/mk1\.[\w.-]+/, key),
  )) as { statusCode: number; body: string };
  expect([heard.statusCode, JSON.parse(heard.body)], printed.join("\n")).toEqual([
    200,
    { applied: true, state: "FINISHED" },
  ]);
  expect(await jobOf(TOKEN, "fcs-etl")).toMatchObject({ state: "FINISHED" });
});

test("archive: of a job that has finished, what its pipeline says is indexed", async () => {
  await feed("millrace_ARCHIVE", "archive-state-changed.json");
  expect((await jobOf(TOKEN, "fcs-etl"))?.state, printed.join("\n")).toBe("INDEXING");
});

test("there is an event for every function, and a test for every event", () => {
  const files = readdirSync(EVENTS).filter((file) => file.endsWith(".json"));
  const fed = [...readFileSync(import.meta.filename, "utf8").matchAll(/feed\("[\w-]+", "(.+?\.json)"/g)];
  expect(files.sort()).toEqual([...new Set(fed.map(([, file]) => file))].sort());
  const functions = readdirSync(join(ROOT, "functions")).flatMap(
    (file) => /^(.+)\.ts$/.exec(file)?.[1] ?? [],
  );
  for (const name of functions)
    expect(
      files.filter((file) => file.startsWith(`${name}-`)),
      name,
    ).not.toEqual([]);
  expect(functions.length).toBeGreaterThan(7);
});
