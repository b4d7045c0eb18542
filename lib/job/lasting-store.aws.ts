import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { entryKey, eventKey, jobKey, type Key, LATE_RANGE, lateKey } from "./keys.ts";
import {
  appended,
  changed,
  isLasting,
  LATE_KEPT,
  type LastingChange,
  type LastingJob,
  type LastingStore,
} from "./lasting.ts";
import type { HistoryEntry } from "./record.ts";
import { type DocumentClient, entryOf, recordOf, type StoredEntry, storedCommit } from "./store.aws.ts";

type WriteRequest =
  | { readonly PutRequest: { readonly Item: Record<string, unknown> } }
  | { readonly DeleteRequest: { readonly Key: Record<string, unknown> } };

/** docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html: up to 25 requests. */
const BATCH = 25;
const TRIES = 8;

/**
 * Lasting jobs in the job table. A row holds the newest entries of its history; older ones are put beside it before the
 * conditional write that drops them from the row. Whatever dies in between leaves items that are put once more, the same:
 * an entry's key is its number, and its number never changes. So there is no need of transactions, and no row grows.
 *
 * @param newId names a write, so that one whose answer was lost is known again
 */
export function lastingStore(client: DocumentClient, table: string, newId: () => string): LastingStore {
  const get: LastingStore["get"] = async (pipeline, id) => {
    const { Item } = await client.send(
      new GetCommand({ TableName: table, Key: jobKey(pipeline, id), ConsistentRead: true }),
    );
    const row = Item && recordOf(Item);
    return row && isLasting(row) ? row : undefined;
  };

  const put = async (key: Key, fields: Record<string, unknown>, condition?: string): Promise<boolean> => {
    try {
      const Item = { ...key, ...fields };
      await client.send(
        new PutCommand({
          TableName: table,
          Item,
          ...(condition !== undefined && { ConditionExpression: condition }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  const query = async (
    partition: string,
    { from, to }: { from: string; to: string },
    rest: Partial<QueryCommandInput> = {},
  ): Promise<Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    let start: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          ...rest,
          TableName: table,
          KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
          ExpressionAttributeValues: { ":pk": partition, ":from": from, ":to": to },
          ConsistentRead: true,
          ...(start && { ExclusiveStartKey: start }),
        }),
      );
      items.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
    } while (start);
    return items;
  };

  /** Entries that are about to leave the row, each under its number, and under its event so that a duplicate is known. */
  const move = async (
    { pipeline, id, moved }: LastingJob,
    entries: readonly HistoryEntry[],
  ): Promise<void> => {
    const items = entries.flatMap((entry, index) => {
      const number = moved + index;
      const item = { ...entryKey(pipeline, id, number), entry: storedEntry(entry) };
      return entry.eventId === undefined
        ? [item]
        : [item, { ...eventKey(pipeline, id, entry.eventId), number }];
    });
    await writeAll(items.map((Item) => ({ PutRequest: { Item } })));
  };

  const writeAll = async (requests: readonly WriteRequest[]): Promise<void> => {
    for (let start = 0; start < requests.length; start += BATCH) {
      let left: readonly WriteRequest[] = requests.slice(start, start + BATCH);
      for (let attempt = 0; left.length > 0; attempt += 1) {
        if (attempt === TRIES) throw new Error(`the table did not take ${left.length} entries of a history`);
        const { UnprocessedItems = {} } = await client.send(
          new BatchWriteCommand({ RequestItems: { [table]: [...left] } }),
        );
        left = (UnprocessedItems[table] as WriteRequest[] | undefined) ?? [];
      }
    }
  };

  const lateOf = ({ pipeline, id }: LastingJob): Promise<Record<string, unknown>[]> =>
    query(lateKey(pipeline, id, "").pk, LATE_RANGE);

  return {
    get,
    create: async (row) => {
      const fresh = { ...row, by: newId() };
      if (await put(jobKey(row.pipeline, row.id), itemOf(fresh), "attribute_not_exists(pk)"))
        return undefined;
      const existing = await get(row.pipeline, row.id);
      // Its own write, when the first answer was lost and the SDK tried again.
      return existing?.by === fresh.by ? undefined : existing;
    },
    write: async (row, change) => {
      const { inline, moving, moved } = appended(row, change.entries);
      await move(row, moving);
      const by = newId();
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: jobKey(row.pipeline, row.id),
            ...expressionOf({ ...change.set, history: inline, moved, rev: row.rev + 1, by }, change, row.rev),
          }),
        );
        return { isOurs: true, row: changed(row, change, by) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
      const current = await get(row.pipeline, row.id);
      return { isOurs: current?.by === by, row: current };
    },
    knows: async ({ pipeline, id, history, moved }, eventId) => {
      if (history.some((entry) => entry.eventId === eventId)) return true;
      if (moved === 0) return false;
      const Key = eventKey(pipeline, id, eventId);
      const { Item } = await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
      // An entry is put beside the row before it leaves it: a number that is still on the row says nothing yet.
      return Item !== undefined && Number(Item["number"]) < moved;
    },
    history: async ({ pipeline, id, history, moved }, from, limit) => {
      if (from >= moved) return history.slice(from - moved, from - moved + limit);
      const [first, last] = [from, Math.min(moved, from + limit) - 1];
      const range = { from: entryKey(pipeline, id, first).sk, to: entryKey(pipeline, id, last).sk };
      const items = await query(entryKey(pipeline, id, 0).pk, range);
      const old = items.map((item) => entryOf(item["entry"] as StoredEntry));
      return [...old, ...history].slice(0, limit);
    },
    noteLate: async (row, entry) => {
      if ((await lateOf(row)).length >= LATE_KEPT) return;
      await put(lateKey(row.pipeline, row.id, entry.eventId ?? newId()), { entry: storedEntry(entry) });
    },
    late: async (row) =>
      (await lateOf(row))
        .map((item) => entryOf(item["entry"] as StoredEntry))
        .sort((a, b) => a.at.localeCompare(b.at)),
    remove: async ({ pipeline, id, rev }) => {
      if ((await get(pipeline, id))?.rev !== rev) return false;
      // The row last: as long as it is there, what died on the way can be done once more. "!" and "~" stand before and behind
      // everything that a sort key begins with.
      const partition = entryKey(pipeline, id, 0).pk;
      const items = await query(partition, { from: "!", to: "~" }, { ProjectionExpression: "pk, sk" });
      await writeAll(items.map((Key) => ({ DeleteRequest: { Key } })));
      try {
        await client.send(
          new DeleteCommand({
            TableName: table,
            Key: jobKey(pipeline, id),
            ConditionExpression: "rev = :seen",
            ExpressionAttributeValues: { ":seen": rev },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
  };
}

function storedEntry({ data, ...entry }: HistoryEntry): StoredEntry {
  return data === undefined ? entry : { ...entry, json: JSON.stringify(data) };
}

/** Fields as the table has them: without keys, and with text in place of what DynamoDB would refuse. */
function stored({ committed, parameters, history, ...fields }: Partial<LastingJob>): Record<string, unknown> {
  return {
    ...fields,
    ...(history && { history: history.map(storedEntry) }),
    ...(committed && { committed: storedCommit(committed) }),
    ...(parameters !== undefined && { parameters: JSON.stringify(parameters) }),
  };
}

function itemOf({ id: _id, pipeline: _pipeline, ...fields }: LastingJob): Record<string, unknown> {
  return stored(fields);
}

function expressionOf(fields: Partial<LastingJob>, { remove = [] }: LastingChange, seen: number) {
  const set = Object.entries(stored(fields)).filter(([, value]) => value !== undefined);
  const removed = remove.filter((name) => !set.some(([other]) => other === name));
  const names = Object.fromEntries(
    [...set.map(([name]) => name), ...removed].map((name) => [`#${name}`, name]),
  );
  const sets = set.map(([name]) => `#${name} = :${name}`).join(", ");
  const removes = removed.map((name) => `#${name}`).join(", ");
  return {
    UpdateExpression: `SET ${sets}${removed.length > 0 ? ` REMOVE ${removes}` : ""}`,
    ConditionExpression: "#rev = :seen",
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: {
      ...Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
      ":seen": seen,
    },
  };
}
