import { DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import { GetQueueAttributesCommand, paginateListQueues } from "@aws-sdk/client-sqs";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { resourcesOf } from "../../infra/aws/template.ts";
import { type Runtime, startRuntime } from "../../infra/local/runtime.ts";
import { CALLBACK_ROUTES } from "../../lib/api/callback-routes.ts";
import { dynamoDbClient, sqsClient } from "../../lib/clients.aws.ts";
import { ApiEnv, ArchiveEnv, CallbackEnv, DispatchEnv, IngestEnv, readEnv, StageEnv } from "../../lib/env.ts";
import { functionsOf } from "../../lib/plan/functions.ts";
import { factsOf, type KeyPattern } from "./facts.ts";
import { EXAMPLES, planOf } from "./plans.ts";
import { resolved, synthesized, temporaryFolder } from "./stacks.ts";

/** What runs on a laptop is what is deployed: the templates and a running local runtime of one plan tell the same. */

const plan = planOf(...EXAMPLES);
const templates = synthesized(plan);
const facts = factsOf(templates.values());

async function running(): Promise<Runtime> {
  const runtime = await startRuntime({ plan, data: temporaryFolder(), port: 0, say: () => {} });
  onTestFinished(runtime.stop);
  return runtime;
}

test("the queues that SQS has locally are those of the templates, attribute by attribute", async () => {
  const runtime = await running();
  const client = sqsClient(runtime.env);
  const local: Record<string, Record<string, string>> = {};
  for await (const { QueueUrls = [] } of paginateListQueues({ client, pageSize: 1000 }, {})) {
    for (const url of QueueUrls) {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }),
      );
      const { VisibilityTimeout = "", MessageRetentionPeriod = "", RedrivePolicy } = Attributes;
      const redrive = RedrivePolicy === undefined ? undefined : JSON.parse(RedrivePolicy);
      local[url.slice(url.lastIndexOf("/") + 1)] = {
        VisibilityTimeout,
        MessageRetentionPeriod,
        ...(redrive && {
          deadLetterQueue: redrive.deadLetterTargetArn.split(":").at(-1),
          maxReceiveCount: String(redrive.maxReceiveCount),
        }),
      };
    }
  }
  expect(local).toEqual(facts.queues);
  // Nothing would be equal to nothing.
  expect(Object.keys(local)).toHaveLength(16);
});

test("so is the table", async () => {
  const runtime = await running();
  const { Table } = await dynamoDbClient(runtime.env).send(
    new DescribeTableCommand({ TableName: plan.table }),
  );
  const [[, table] = []] = resourcesOf(templates.get("millrace-PLATFORM")!, "AWS::DynamoDB::GlobalTable");
  const properties = table?.Properties;
  expect(Table?.KeySchema).toEqual(properties.KeySchema);
  expect(Table?.BillingModeSummary?.BillingMode).toEqual(properties.BillingMode);
  expect(Table?.AttributeDefinitions).toEqual(expect.arrayContaining(properties.AttributeDefinitions));
  expect(Table?.AttributeDefinitions).toHaveLength(properties.AttributeDefinitions.length);
  expect(
    Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
      IndexName,
      KeySchema,
      Projection,
    })),
  ).toEqual(properties.GlobalSecondaryIndexes);
});

test("functions, and what feeds them, are those of the list that the local runtime starts", () => {
  const fed = plan.pipelines.flatMap((pipeline) =>
    functionsOf(pipeline, `/var/task/pipelines/${pipeline.id}`),
  );
  const expected = fed.map(({ module, plan: { name, timeoutSeconds, memoryMb } }) => [
    name,
    { module, timeoutSeconds, memoryMb },
  ]);
  const deployed = Object.entries(facts.functions).map(([name, { env: _, ...rest }]) => [name, rest]);
  expect(Object.fromEntries(deployed)).toEqual({
    ...Object.fromEntries(expected),
    millrace_API: { module: "api", timeoutSeconds: 29, memoryMb: 512 },
    millrace_CALLBACK: { module: "callback", timeoutSeconds: 29, memoryMb: 512 },
    millrace_ARCHIVE: { module: "archive", timeoutSeconds: 900, memoryMb: 512 },
  });
  const sources = fed.flatMap(({ plan: { name, batchSize, batchSeconds, maxConcurrency }, queues }) =>
    queues.flatMap((queue) => [
      {
        queue: queue.name,
        functionName: name,
        batchSize,
        ...(batchSeconds && { batchSeconds }),
        ...(maxConcurrency && { maxConcurrency }),
      },
      {
        queue: queue.dead.name,
        functionName: name,
        batchSize: 1,
        ...(maxConcurrency && { maxConcurrency: 2 }),
      },
    ]),
  );
  const byQueue = (a: { queue: string }, b: { queue: string }): number => (a.queue < b.queue ? -1 : 1);
  expect([...facts.sources].sort(byQueue)).toEqual(sources.sort(byQueue));
  expect(sources).toHaveLength(16);
});

test("every function finds in its environment what it reads when it is loaded", () => {
  const common = {
    MILLRACE_PLAN: "/var/task/plan.json",
    MILLRACE_QUEUE_BASE: "https://sqs.eu-west-1.amazonaws.com/111122223333/",
    MILLRACE_BUCKET: "millrace-111122223333-eu-west-1",
  };
  expect(readEnv(StageEnv, facts.functions["millrace_books_read"]?.env)).toEqual({
    ...common,
    MILLRACE_PIPELINE: "books",
    MILLRACE_STAGE: "read",
    MILLRACE_DIRECTORY: "/var/task/pipelines/books",
    MILLRACE_SECRET_PREFIX: "millrace/",
  });
  expect(facts.functions["millrace_books_read"]?.env["MODE"]).toBe("fast");
  expect(readEnv(IngestEnv, facts.functions["millrace_bells_INGEST"]?.env)).toEqual({
    ...common,
    MILLRACE_PIPELINE: "bells",
  });
  const lasting = { ...common, MILLRACE_EVENT_BUS: "millrace" };
  expect(readEnv(DispatchEnv, facts.functions["millrace_books_bind"]?.env)).toEqual({
    ...lasting,
    MILLRACE_SECRET_PREFIX: "millrace/",
    MILLRACE_PIPELINE: "books",
    MILLRACE_STAGE: "bind",
  });
  for (const [name, env] of [
    ["millrace_API", ApiEnv],
    ["millrace_CALLBACK", CallbackEnv],
  ] as const) {
    const found = readEnv(env, facts.functions[name]?.env);
    expect(found).toEqual({ ...lasting, MILLRACE_SECRET_PREFIX: "millrace/" });
  }
  expect(readEnv(ArchiveEnv, facts.functions["millrace_ARCHIVE"]?.env)).toEqual(lasting);
});

test("the gateway has the routes that the functions answer, and a key opens those of callbacks alone", async () => {
  const runtime = await running();
  for (const route of Object.keys(facts.routes)) {
    const [method = "", path = ""] = route.split(" ");
    const url = runtime.url + path.replaceAll(/\{\w+\}/g, "bells");
    const response = await fetch(url, { method, ...(method === "POST" && { body: "{}" }) });
    const { code } = (await response.json()) as { code?: string };
    expect([route, code]).not.toEqual([route, "no-route"]);
  }
  const { routes } = (await (await fetch(runtime.url)).json()) as {
    routes: { method: string; path: string }[];
  };
  const ofOperators = routes.map(({ method, path }) => `${method} ${path}`);
  const byKey = CALLBACK_ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(facts.routes).toEqual(
    Object.fromEntries([
      ...ofOperators.map((route) => [route, "AWS_IAM"]),
      ...byKey.map((route) => [route, "NONE"]),
    ]),
  );
  expect([ofOperators.includes("GET /v1/pipelines"), byKey.includes("POST /v1/callbacks")]).toEqual([
    true,
    true,
  ]);
});

test("EventBridge takes the uploads that are taken locally", () => {
  const [books] = plan.pipelines;
  const patterns = facts.uploads["millrace_books_INTAKE"] ?? [];
  expect(patterns).toEqual([{ wildcard: "scans/*.tgz" }, { prefix: "notes/*/" }]);
  const taken = (key: string): boolean =>
    (books?.inputs ?? []).some(({ s3 }) => s3 && key.startsWith(s3.prefix) && key.endsWith(s3.suffix));
  const piece = fc.constantFrom("scans/", "notes/", "*/", "\\", ".tgz", "x", "/", "scans", "tgz");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const key = pieces.join("");
      expect([key, patterns.some((pattern) => fits(pattern, key))]).toEqual([key, taken(key)]);
    }),
    { numRuns: 2000 },
  );
  expect(Object.keys(facts.uploads)).toEqual(["millrace_books_INTAKE"]);
});

/** docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html: `*` is any text, `\*` itself. */
function fits(pattern: KeyPattern, key: string): boolean {
  if ("prefix" in pattern) return key.startsWith(pattern.prefix);
  const source = pattern.wildcard.replaceAll(/\\[\\*]|[\s\S]/g, (part) => {
    if (part === "*") return "[^]*";
    return part.at(-1)?.replace(/[\\^$.|?*+()[\]{}]/, String.raw`\$&`) ?? "";
  });
  return new RegExp(`^${source}$`).test(key);
}

test("the bucket keeps versions, tells EventBridge, and lets nobody in without TLS", () => {
  const platform = templates.get("millrace-PLATFORM")!;
  const [[, bucket] = []] = resourcesOf(platform, "AWS::S3::Bucket");
  expect(resolved(bucket?.Properties)).toMatchObject({
    BucketName: "millrace-111122223333-eu-west-1",
    VersioningConfiguration: { Status: "Enabled" },
    NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
  });
  const [[, policy] = []] = resourcesOf(platform, "AWS::S3::BucketPolicy");
  expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
    expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
  );
});
