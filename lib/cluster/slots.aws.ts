import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { slotsKey } from "../job/keys.ts";
import type { SlotPool, Slots } from "./slots.ts";

/** Places as one item of the job table for each pool: a set of strings, at most 50 KB for a thousand. */
export function slotStore(client: Pick<DynamoDBDocumentClient, "send">, table: string): Slots {
  return {
    take: async ({ name, size }: SlotPool, job) => {
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: slotsKey(name),
            UpdateExpression: "ADD held :job",
            ConditionExpression: "attribute_not_exists(held) OR size(held) < :size OR contains(held, :id)",
            ExpressionAttributeValues: { ":job": new Set([job]), ":id": job, ":size": size },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
    free: async ({ name }, job) => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: slotsKey(name),
          UpdateExpression: "DELETE held :job",
          ExpressionAttributeValues: { ":job": new Set([job]) },
        }),
      );
    },
    held: async ({ name }) => {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: slotsKey(name), ConsistentRead: true }),
      );
      return [...((Item?.["held"] as Set<string> | undefined) ?? [])];
    },
  };
}
