import { DeleteCommand, type DynamoDBDocumentClient, PutCommand, paginateQuery } from "@aws-sdk/lib-dynamodb";
import { fileKey, filePartition } from "../job/keys.ts";
import type { FileEntry, FileIndex } from "./file-index.ts";

export function fileIndex(client: DynamoDBDocumentClient, table: string): FileIndex {
  return {
    async *list({ pipeline, id }, after) {
      const pages = paginateQuery(
        { client },
        {
          TableName: table,
          KeyConditionExpression: after === undefined ? "pk = :pk" : "pk = :pk AND sk > :after",
          ExpressionAttributeValues: {
            ":pk": filePartition(pipeline, id),
            ...(after !== undefined && { ":after": after }),
          },
          // What was put by the invocation before this one is current.
          ConsistentRead: true,
        },
      );
      for await (const { Items = [] } of pages) {
        for (const { pk: _, sk, ...entry } of Items) yield { ...entry, name: sk } as FileEntry;
      }
    },
    put: async ({ pipeline, id }, { name, ...entry }) => {
      await client.send(
        new PutCommand({ TableName: table, Item: { ...fileKey(pipeline, id, name), ...entry } }),
      );
    },
    remove: async ({ pipeline, id }, name) => {
      await client.send(new DeleteCommand({ TableName: table, Key: fileKey(pipeline, id, name) }));
    },
  };
}
