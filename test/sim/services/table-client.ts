import {
  BatchWriteCommand,
  type BatchWriteCommandInput,
  GetCommand,
  type GetCommandInput,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { DEAD_INDEX } from "../../../lib/job/keys.ts";
import type { DocumentClient } from "../../../lib/job/store.aws.ts";
import { clientOf } from "../world/client.ts";
import type { Sandbox } from "../world/sandbox.ts";
import type { Call } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import { compileCondition, compileProjection } from "./conditions.ts";
import { type Compiled, checkPlaceholders, type Item, type Scope } from "./expressions.ts";
import { copyOf, type Key, type TableModel } from "./table.ts";

export const TABLE = "millrace-jobs";

/** An index may be behind by so much. */
const LONGEST_LAG_MS = 90_000;
const LARGEST_PAGE = 12;

/** The SDK's document client, as far as it is used. */
export const tableClient = (model: TableModel, sandbox: Sandbox, world: World): DocumentClient =>
  clientOf(sandbox, world, (command) => callOf(command, model, world));

function callOf(command: unknown, model: TableModel, world: World): Call<unknown> {
  if (command instanceof GetCommand) {
    const { input } = command;
    return { service: "ddb", operation: "get", about: aboutKey(input.Key), execute: () => get(model, input) };
  }
  if (command instanceof PutCommand) {
    const { Item = {}, ...input } = command.input;
    const write = { ...writeOf(input, keyOf(Item)), change: { put: Item } };
    return {
      service: "ddb",
      operation: "put",
      about: aboutKey(Item),
      execute: () => model.write(write) ?? {},
    };
  }
  if (command instanceof UpdateCommand) {
    const { Key, UpdateExpression = "", ...input } = command.input;
    const write = { ...writeOf(input, keyOf(Key)), change: { update: UpdateExpression } };
    return {
      service: "ddb",
      operation: "update",
      about: aboutKey(Key),
      execute: () => model.write(write) ?? {},
    };
  }
  if (command instanceof QueryCommand) {
    const { input } = command;
    return {
      service: "ddb",
      operation: "query",
      about: input.IndexName ?? "table",
      execute: () => query(model, input, world),
    };
  }
  if (command instanceof BatchWriteCommand) {
    const { input } = command;
    return {
      service: "ddb",
      operation: "batch",
      about: "table",
      execute: () => putBatch(model, input, world),
    };
  }
  throw new Error(`the model of DynamoDB does not know ${(command as object).constructor.name}`);
}

/** Takes what it likes of a batch of puts; the rest has to be asked for again. */
function putBatch(model: TableModel, { RequestItems = {} }: BatchWriteCommandInput, { faults }: World) {
  const requests = RequestItems[TABLE] ?? [];
  if (requests.length > LARGEST_BATCH) throw new Error(`a batch of ${requests.length} writes`);
  const left = requests.filter(({ PutRequest }) => {
    if (!PutRequest?.Item) throw new Error("the model of DynamoDB knows batches of puts only");
    if (faults.strikes("entry-refused")) return true;
    const key = keyOf(PutRequest.Item);
    model.write({ key, condition: undefined, change: { put: PutRequest.Item }, names: {}, values: {} });
    return false;
  });
  return left.length > 0 ? { UnprocessedItems: { [TABLE]: left } } : {};
}

const LARGEST_BATCH = 25;

interface Expressions {
  readonly TableName?: string | undefined;
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Record<string, unknown> | undefined;
}

const KNOWN_FIELDS = new Set<string>([
  "TableName",
  "ConditionExpression",
  "ExpressionAttributeNames",
  "ExpressionAttributeValues",
] satisfies (keyof Expressions)[]);

function writeOf(input: Expressions, key: Key) {
  const unknown = Object.keys(input).find((field) => !KNOWN_FIELDS.has(field));
  if (unknown !== undefined) throw new Error(`the model of DynamoDB does not know ${unknown}`);
  checkTable(input);
  return {
    key,
    condition: input.ConditionExpression,
    names: input.ExpressionAttributeNames ?? {},
    values: input.ExpressionAttributeValues ?? {},
  };
}

function get(model: TableModel, input: GetCommandInput): { Item?: Item } {
  checkTable(input);
  if (input.ConsistentRead !== true)
    throw new Error("the model of DynamoDB knows consistent reads of items only");
  const item = model.get(keyOf(input.Key));
  return item ? { Item: copyOf(item) } : {};
}

function query(model: TableModel, input: QueryCommandInput, world: World) {
  checkTable(input);
  const isIndex = input.IndexName === DEAD_INDEX.name;
  if (input.IndexName !== undefined && !isIndex) throw new Error(`there is no index ${input.IndexName}`);
  const { scope, key, filter, projection } = expressionsOf(input);
  const range = (item: Item): string => String(item[isIndex ? DEAD_INDEX.range : "sk"]);
  const isStale = isIndex && world.faults.strikes("index-stale");
  const start = input.ExclusiveStartKey as Item | undefined;
  const found = model
    .items(isStale ? world.prng.below(LONGEST_LAG_MS) : 0)
    .filter((item) => !isIndex || item[DEAD_INDEX.hash] !== undefined)
    .filter((item) => key.evaluate({ ...scope, item }) && (!start || range(item) > range(start)))
    .sort((a, b) => (range(a) < range(b) ? -1 : 1));
  if (isStale && found.some((item) => model.get(keyOf(item)) !== item)) world.probes.reach("stale-index");
  const { Limit = LARGEST_PAGE } = input;
  const page = found.slice(0, Math.min(Limit, world.prng.between(1, LARGEST_PAGE)));
  // A page that was filled to its limit may be the last, and does not know it.
  const last = page.length < found.length || page.length === Limit ? page.at(-1) : undefined;
  return {
    Items: page
      .filter((item) => filter?.evaluate({ ...scope, item }) ?? true)
      .map((item) => copyOf(projection ? projection.evaluate({ ...scope, item }) : item)),
    ...(last && { LastEvaluatedKey: { ...keyOf(last), ...(isIndex && deadKey(last)) } }),
  };
}

function expressionsOf(input: QueryCommandInput) {
  const compiled = <Value>(
    text: string | undefined,
    compile: (text: string) => Compiled<Value>,
  ): Compiled<Value> | undefined => (text === undefined ? undefined : compile(text));
  const scope = {
    names: input.ExpressionAttributeNames ?? {},
    values: input.ExpressionAttributeValues ?? {},
  };
  const key = compileCondition(input.KeyConditionExpression ?? "");
  const filter = compiled(input.FilterExpression, compileCondition);
  const projection = compiled(input.ProjectionExpression, compileProjection);
  checkPlaceholders([key, ...(filter ? [filter] : []), ...(projection ? [projection] : [])], scope);
  return { scope, key, filter, projection };
}

const deadKey = (item: Item): Scope["values"] => ({
  [DEAD_INDEX.hash]: item[DEAD_INDEX.hash],
  [DEAD_INDEX.range]: item[DEAD_INDEX.range],
});

function checkTable({ TableName }: { readonly TableName?: string | undefined }): void {
  if (TableName !== TABLE) throw new Error(`there is no table ${TableName}`);
}

function keyOf(item: Item | undefined): Key {
  const { pk, sk } = item ?? {};
  if (typeof pk !== "string" || typeof sk !== "string") throw new Error("the key is not { pk, sk }");
  return { pk, sk };
}

const aboutKey = (item: Item | undefined): string => {
  const { pk, sk } = keyOf(item);
  return `${pk.charAt(0)} ${sk.slice(0, 8)}`;
};
