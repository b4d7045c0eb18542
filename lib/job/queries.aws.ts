import { QueryCommand, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import { arrivalPartitions, DEAD_INDEX, deadRange, jobPartitions } from "./keys.ts";
import type { JobQueries } from "./queries.ts";
import type { Arrival, JobRecord } from "./record.ts";
import { type DocumentClient, recordOf } from "./store.aws.ts";

export function jobQueries(client: DocumentClient, table: string): JobQueries {
  async function* query(
    input: Omit<QueryCommandInput, "TableName">,
  ): AsyncGenerator<Record<string, unknown>> {
    let start: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({ ...input, TableName: table, ...(start && { ExclusiveStartKey: start }) }),
      );
      yield* page.Items ?? [];
      start = page.LastEvaluatedKey;
    } while (start);
  }

  const partitions = async <Row>(
    keys: readonly string[],
    input: Partial<QueryCommandInput>,
    read: (item: Record<string, unknown>) => Row,
  ): Promise<Row[]> => {
    const rows = await Promise.all(
      keys.map(async (pk) => {
        const found: Row[] = [];
        for await (const item of query({
          ...input,
          KeyConditionExpression: "pk = :pk",
          // What was just counted in a queue must not be missing here.
          ConsistentRead: true,
          ExpressionAttributeValues: { ...input.ExpressionAttributeValues, ":pk": pk },
        })) {
          found.push(read(item));
        }
        return found;
      }),
    );
    return rows.flat();
  };

  return {
    summaries: (pipeline) =>
      partitions(
        jobPartitions(pipeline),
        {
          ProjectionExpression: "pk, sk, stage, edge, #run, #state, parent, committed.tokens",
          ExpressionAttributeNames: { "#run": "run", "#state": "state" },
        },
        (item) => {
          const { committed, ...row } = recordOf(item);
          return { ...row, tokens: committed?.tokens ?? 0, isCommitted: committed !== undefined };
        },
      ),
    arrivals: (pipeline) =>
      partitions(
        arrivalPartitions(pipeline),
        {},
        ({ pk: _, sk, ...fields }) => ({ ...fields, token: sk, pipeline }) as Arrival,
      ),
    list: async (pipeline, { limit, ...wanted }) => {
      const equal = Object.entries(wanted).filter(([, value]) => value !== undefined);
      const filter = {
        FilterExpression: equal.map(([name]) => `#${name} = :${name}`).join(" AND "),
        ExpressionAttributeNames: Object.fromEntries(equal.map(([name]) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(equal.map(([name, value]) => [`:${name}`, value])),
      };
      const rows = await partitions(jobPartitions(pipeline), equal.length > 0 ? filter : {}, recordOf);
      return rows.sort(byLatest).slice(0, limit);
    },
    dead: async (pipeline, { edge, after, limit }) => {
      const { from, to } = deadRange(edge, after);
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName: table,
          IndexName: DEAD_INDEX.name,
          KeyConditionExpression: "dead = :pipeline AND deadAt BETWEEN :from AND :to",
          ExpressionAttributeValues: { ":pipeline": pipeline, ":from": from, ":to": to },
          Limit: limit,
        }),
      );
      return { rows: Items.map(recordOf), next: LastEvaluatedKey && String(LastEvaluatedKey["deadAt"]) };
    },
  };
}

const lastOf = (row: JobRecord): string => row.history.at(-1)?.at ?? "";
const byLatest = (a: JobRecord, b: JobRecord): number => lastOf(b).localeCompare(lastOf(a));
