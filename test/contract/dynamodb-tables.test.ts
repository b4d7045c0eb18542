import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { PutCommand, QueryCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DynamoDb, openIndex, otherEndpoint, startService, strings } from "./dynamodb-endpoint.ts";

let db: DynamoDb;

beforeAll(async () => {
  db = await startService();
});
afterAll(() => db[Symbol.asyncDispose]());

const describeTable = async (TableName: string) =>
  (await db.client.send(new DescribeTableCommand({ TableName }))).Table;

const plain: Omit<CreateTableCommandInput, "TableName"> = {
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: strings("pk"),
  KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
};

describe("tables", () => {
  test("a table is described as it was asked for", async () => {
    const table = await db.createTable(openIndex("KEYS_ONLY"));
    expect(await describeTable(table)).toMatchObject({
      TableName: table,
      TableStatus: "ACTIVE",
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        { IndexName: "open", IndexStatus: "ACTIVE", Projection: { ProjectionType: "KEYS_ONLY" } },
      ],
    });
  });

  test("a name is taken once, and listed", async () => {
    const table = await db.createTable();
    await expect(
      db.client.send(new CreateTableCommand({ ...plain, TableName: table })),
    ).rejects.toMatchObject({ name: "ResourceInUseException" });
    const before = table.slice(0, -1);
    const { TableNames } = await db.client.send(
      new ListTablesCommand({ ExclusiveStartTableName: before, Limit: 1 }),
    );
    expect(TableNames).toEqual([table]);
  });

  test("a key without a definition is refused", async () => {
    const command = new CreateTableCommand({
      ...plain,
      TableName: "contract-undefined-key",
      AttributeDefinitions: strings("other"),
    });
    await expect(db.client.send(command)).rejects.toMatchObject({ name: "ValidationException" });
  });

  test("a deleted table is gone with its items, and a new one of its name is empty", async () => {
    const TableName = await db.createTable();
    await db.documents.send(new PutCommand({ TableName, Item: { pk: "a", sk: "b" } }));
    await db.client.send(new DeleteTableCommand({ TableName }));
    await expect
      .poll(() => describeTable(TableName).catch((error: Error) => error.name), { timeout: 60_000 })
      .toBe("ResourceNotFoundException");
    const again = await db.createTable({ TableName });
    expect((await db.documents.send(new ScanCommand({ TableName: again }))).Count).toBe(0);
  });

  test("a protected table cannot be deleted", async () => {
    const TableName = await db.createTable({ DeletionProtectionEnabled: true });
    await expect(db.client.send(new DeleteTableCommand({ TableName }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    await db.client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await expect.poll(async () => (await describeTable(TableName))?.TableStatus).toBe("ACTIVE");
    expect((await describeTable(TableName))?.DeletionProtectionEnabled).toBe(false);
  });

  test.skipIf(otherEndpoint)("a stream is refused, not ignored (others have streams)", async () => {
    const command = new CreateTableCommand({
      ...plain,
      TableName: "contract-stream",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    });
    await expect(db.client.send(command)).rejects.toMatchObject({ name: "ValidationException" });
  });

  test("tags are kept", async () => {
    const table = await db.createTable({ Tags: [{ Key: "owner", Value: "us" }] });
    const ResourceArn = (await describeTable(table))?.TableArn;
    await db.client.send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "cost", Value: "7" }] }));
    await db.client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["owner"] }));
    const list = () => db.client.send(new ListTagsOfResourceCommand({ ResourceArn }));
    await expect.poll(async () => (await list()).Tags).toEqual([{ Key: "cost", Value: "7" }]);
  });

  test("point-in-time recovery is switched on and shown", async () => {
    const TableName = await db.createTable();
    const shown = async () => {
      const command = new DescribeContinuousBackupsCommand({ TableName });
      const { ContinuousBackupsDescription: described } = await db.client.send(command);
      return described?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    };
    expect(await shown()).toBe("DISABLED");
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
    await db.client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
    expect(await shown()).toBe("ENABLED");
  });
});

describe("updating a table", () => {
  const open = (TableName: string) =>
    new QueryCommand({
      TableName,
      IndexName: "open",
      KeyConditionExpression: "#state = :running",
      ExpressionAttributeNames: { "#state": "state" },
      ExpressionAttributeValues: { ":running": "RUNNING" },
    });

  test("an index that is added holds the items that were there, and follows them; then it is removed", async () => {
    const TableName = await db.createTable();
    const put = (pk: string, rest: object) =>
      db.documents.send(new PutCommand({ TableName, Item: { pk, sk: "s", ...rest } }));
    await put("old", { state: "RUNNING", since: "1" });
    await put("unindexed", {});
    const { AttributeDefinitions, GlobalSecondaryIndexes } = openIndex();
    const Create = GlobalSecondaryIndexes?.[0] as never;
    await db.client.send(
      new UpdateTableCommand({
        TableName,
        AttributeDefinitions,
        GlobalSecondaryIndexUpdates: [{ Create }],
      }),
    );
    await expect
      .poll(async () => (await describeTable(TableName))?.GlobalSecondaryIndexes?.[0]?.IndexStatus, {
        timeout: 60_000,
      })
      .toBe("ACTIVE");
    await put("new", { state: "RUNNING", since: "2" });
    const found = async () => (await db.documents.send(open(TableName))).Items?.map((item) => item["pk"]);
    await expect.poll(found).toEqual(["old", "new"]);

    const Delete = { IndexName: "open" };
    await db.client.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [{ Delete }] }));
    await expect
      .poll(async () => (await describeTable(TableName))?.GlobalSecondaryIndexes ?? [], { timeout: 60_000 })
      .toEqual([]);
    await expect(db.documents.send(open(TableName))).rejects.toMatchObject({ name: "ValidationException" });
  });

  test("an index that the table does not have cannot be removed", async () => {
    const TableName = await db.createTable();
    const GlobalSecondaryIndexUpdates = [{ Delete: { IndexName: "nothing" } }];
    await expect(
      db.client.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates })),
    ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});
