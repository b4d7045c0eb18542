import {
  GetCommand,
  type GetCommandInput,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { DEAD_INDEX } from "../../../lib/job/keys.ts";
import type { DocumentClient } from "../../../lib/job/store.aws.ts";
import type { Sandbox } from "../world/sandbox.ts";
import { send } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import { compileCondition, compileProjection } from "./conditions.ts";
import { checkPlaceholders, type Item, type Scope } from "./expressions.ts";
import { copyOf, type Key, type TableModel } from "./table.ts";

export const TABLE = "millrace-jobs";

/** An index may be behind by so much. */
const LONGEST_LAG_MS = 90_000;
const LARGEST_PAGE = 12;

/** The SDK's document client of one sandbox, as far as it is used. A command that it does not know is an error. */
export function tableClient(model: TableModel, sandbox: Sandbox, world: World): DocumentClient {
  const client = {
    send: (command: unknown): Promise<unknown> => {
      const { operation, about, execute } = callOf(command, model, world);
      return send({ operation, about, execute }, sandbox, world);
    },
  };
  return client as unknown as DocumentClient;
}

function callOf(command: unknown, model: TableModel, world: World) {
  if (command instanceof GetCommand) {
    const { input } = command;
    return { operation: "ddb.get", about: aboutKey(input.Key), execute: () => get(model, input) };
  }
  if (command instanceof PutCommand) {
    const { Item = {}, ...input } = command.input;
    const write = { ...writeOf(input, keyOf(Item)), change: { put: Item } };
    return { operation: "ddb.put", about: aboutKey(Item), execute: () => model.write(write) ?? {} };
  }
  if (command instanceof UpdateCommand) {
    const { Key, UpdateExpression = "", ...input } = command.input;
    const write = { ...writeOf(input, keyOf(Key)), change: { update: UpdateExpression } };
    return { operation: "ddb.update", about: aboutKey(Key), execute: () => model.write(write) ?? {} };
  }
  if (command instanceof QueryCommand) {
    const { input } = command;
    return {
      operation: "ddb.query",
      about: input.IndexName ?? "table",
      execute: () => query(model, input, world),
    };
  }
  throw new Error(`the model of DynamoDB does not know ${(command as object).constructor.name}`);
}

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
  const scope = {
    names: input.ExpressionAttributeNames ?? {},
    values: input.ExpressionAttributeValues ?? {},
  };
  const key = compileCondition(input.KeyConditionExpression ?? "");
  const filter = input.FilterExpression === undefined ? undefined : compileCondition(input.FilterExpression);
  const projection =
    input.ProjectionExpression === undefined ? undefined : compileProjection(input.ProjectionExpression);
  checkPlaceholders([key, ...(filter ? [filter] : []), ...(projection ? [projection] : [])], scope);

  const isStale = isIndex && world.faults.strikes("index-stale");
  const range = (item: Item): string => String(item[isIndex ? DEAD_INDEX.range : "sk"]);
  const isIn = (item: Item): boolean => !isIndex || item[DEAD_INDEX.hash] !== undefined;
  const start = input.ExclusiveStartKey as Item | undefined;
  const found = model
    .items(isStale ? world.prng.below(LONGEST_LAG_MS) : 0)
    .filter((item) => isIn(item) && key.evaluate({ ...scope, item }))
    .filter((item) => !start || range(item) > range(start))
    .sort((a, b) => (range(a) < range(b) ? -1 : 1));
  if (isStale && found.some((item) => model.get(keyOf(item)) !== item)) world.probes.reach("stale-index");
  const page = found.slice(0, world.prng.between(1, LARGEST_PAGE));
  const last = page.length < found.length ? page.at(-1) : undefined;
  return {
    Items: page
      .filter((item) => filter?.evaluate({ ...scope, item }) ?? true)
      .map((item) => copyOf(projection ? projection.evaluate({ ...scope, item }) : item)),
    ...(last && { LastEvaluatedKey: { ...keyOf(last), ...(isIndex && deadKey(last)) } }),
  };
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
