import { randomUUID } from "node:crypto";
import {
  type AttributeDefinition,
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DynamoDBClient,
  type GlobalSecondaryIndex,
  type ProjectionType,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type DynamoDbOptions, startDynamoDb } from "../../infra/local/dynamodb/server.ts";

/**
 * Another DynamoDB to hold to the same contract: LocalStack, AWS, DynamoDB Local. The last (3.3.1) fails three tests:
 * it has no tags and no point-in-time recovery, and refuses an update that cannot be applied without cancelling.
 */
export const otherEndpoint = process.env["AWS_ENDPOINT_URL_DYNAMODB"];

export function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return new DynamoDBClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
}

/** A service with its clients. Leaving the scope deletes the tables that were made, and stops the service. */
export interface DynamoDb extends AsyncDisposable {
  endpoint: string;
  client: DynamoDBClient;
  /** Takes and gives plain values. */
  documents: DynamoDBDocumentClient;
  /** Makes a table with the keys `pk` and `sk` (strings) and waits until it is there. The answer is its name. */
  createTable(options?: Partial<CreateTableCommandInput>): Promise<string>;
}

const schema = (hash: string, range: string): GlobalSecondaryIndex["KeySchema"] => [
  { AttributeName: hash, KeyType: "HASH" },
  { AttributeName: range, KeyType: "RANGE" },
];

export const strings = (...names: string[]): AttributeDefinition[] =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: "S" }));

/** A table with the keys `pk` and `sk`, both strings. */
export const keys = {
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: strings("pk", "sk"),
  KeySchema: schema("pk", "sk"),
} as const satisfies Partial<CreateTableCommandInput>;

/** The index `open` by the attributes `state` and `since`: sparse, since most items have no `state`. */
export const openIndex = (projection: ProjectionType = "ALL"): Partial<CreateTableCommandInput> => ({
  AttributeDefinitions: strings("pk", "sk", "state", "since"),
  GlobalSecondaryIndexes: [
    { IndexName: "open", KeySchema: schema("state", "since"), Projection: { ProjectionType: projection } },
  ],
});

/** The service under test, or, when the environment names one, another. Options hold for our own alone. */
export async function startService(options: DynamoDbOptions = {}): Promise<DynamoDb> {
  const own = otherEndpoint === undefined ? await startDynamoDb(options) : undefined;
  const endpoint = own?.endpoint ?? otherEndpoint ?? "";
  const client = clientOf(endpoint);
  const tables = new Set<string>();
  return {
    endpoint,
    client,
    documents: DynamoDBDocumentClient.from(client),
    async createTable(settings = {}) {
      const TableName = settings.TableName ?? `contract-${randomUUID()}`;
      await client.send(
        new CreateTableCommand({
          ...keys,
          ...settings,
          TableName,
        }),
      );
      tables.add(TableName);
      await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName });
      return TableName;
    },
    async [Symbol.asyncDispose]() {
      if (!own) for (const TableName of tables) await client.send(new DeleteTableCommand({ TableName }));
      client.destroy();
      await own?.close();
    },
  };
}
