import { CreateTableCommand, DescribeTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect, test } from "vitest";
import { provisionTable } from "../../infra/local/provision.ts";

test("a table that is still being created is waited for", async () => {
  const calls: string[] = [];
  const states = ["CREATING", "ACTIVE"];
  const client = {
    send: async (command: unknown) => {
      if (command instanceof CreateTableCommand) {
        calls.push("create");
        return {};
      }
      expect(command).toBeInstanceOf(DescribeTableCommand);
      const TableStatus = states.shift();
      calls.push(`describe ${TableStatus}`);
      return { Table: { TableStatus } };
    },
  };
  await provisionTable(client as unknown as DynamoDBClient, "jobs");
  expect(calls).toEqual(["create", "describe CREATING", "describe ACTIVE"]);
});
