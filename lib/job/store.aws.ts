import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { ErrorBucketStore } from "./error-bucket.ts";
import { arrivalKey, deadKeyOf, jobKey } from "./keys.ts";
import {
  type Arrival,
  type FailedJob,
  type FinishedJob,
  HISTORY_LIMIT,
  type JobIdentity,
  type JobRecord,
  type JobStore,
} from "./record.ts";

/** What the store needs of the SDK's client. */
export type DocumentClient = Pick<DynamoDBDocumentClient, "send">;

/** Nothing has been decided about the job's outputs, and it does not lie in the error bucket. */
const OPEN = "attribute_not_exists(committed) AND attribute_not_exists(reason)";
/** No attempt as young as this one has ended: one that was overtaken changes nothing. */
const NOT_OVERTAKEN = "(attribute_not_exists(attempt) OR attempt < :attempt)";

/** The job lies in the error bucket, and is the one that was looked at. */
const IN_BUCKET = "#state = :failed AND attempt = :ended";

export function jobStore(client: DocumentClient, table: string): JobStore & ErrorBucketStore {
  const get: JobStore["get"] = async (pipeline, id) => {
    const { Item } = await client.send(
      new GetCommand({ TableName: table, Key: jobKey(pipeline, id), ConsistentRead: true }),
    );
    return Item && recordOf(Item);
  };

  /** One conditional write; when the condition fails, the row as it stands. */
  const update = async (job: JobIdentity, change: Change): Promise<JobRecord | undefined> => {
    try {
      await client.send(
        new UpdateCommand({ TableName: table, Key: jobKey(job.pipeline, job.id), ...expressionOf(change) }),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
    const row = await get(job.pipeline, job.id);
    if (!row)
      throw new Error(`the row of job ${job.id} vanished between a refused write and the read after it`);
    return row;
  };

  return {
    get,
    commit: (job, finished) =>
      update(job, {
        set: {
          ...identityOf(job),
          ...resultOf(finished),
          state: "FINISHED",
          committed: finished.committed,
          durationMs: finished.durationMs,
        },
        append: finished.history,
        // A retry that has not sent its message yet keeps the row in the bucket: nothing else may know that it is to be
        // seen through.
        condition: OPEN,
      }),
    noteSent: async (job, sent) => {
      // Refused when somebody else has come further.
      await update(job, { set: { sent }, condition: "attribute_not_exists(sent) OR sent < :sent" });
    },
    noteBegun: (job, { attempt, ended, history }) =>
      update(job, {
        set: { ...identityOf(job), state: "RUNNING", begun: attempt, attempt: ended },
        append: history,
        condition: `${OPEN} AND (attribute_not_exists(begun) OR begun < :begun) AND (attribute_not_exists(attempt) OR attempt <= :attempt)`,
      }),
    noteRetry: (job, failed) =>
      update(job, {
        set: { ...identityOf(job), ...resultOf(failed), state: "RUNNING", error: failed.error },
        append: failed.history,
        condition: `${OPEN} AND ${NOT_OVERTAKEN}`,
      }),
    park: (job, failed, at) =>
      update(job, {
        set: {
          ...identityOf(job),
          ...resultOf(failed),
          state: "FAILED",
          reason: failed.reason,
          error: failed.error,
          body: failed.body,
          ...deadKeyOf(job.pipeline, job.edge, at, job.id),
        },
        append: failed.history,
        condition: `${OPEN} AND ${NOT_OVERTAKEN}`,
      }),
    reopen: async (row, at) => {
      const refused = await update(row, {
        set: {
          state: "CREATED",
          attemptsForgiven: row.attempt,
          retries: (row.retries ?? 0) + 1,
          history: [...row.history, { event: "reopen", at }].slice(-HISTORY_LIMIT / 2),
        },
        remove: ["reason"],
        condition: IN_BUCKET,
        values: { ":failed": "FAILED", ":ended": row.attempt },
      });
      return refused === undefined;
    },
    leaveBucket: async (row, opening) => {
      // Refused when it has failed again, or another retry is under way: then it lies in the bucket, and rightly.
      await update(row, {
        remove: ["dead", "deadAt", "body"],
        condition: "attribute_not_exists(reason) AND retries = :opening",
        values: { ":opening": opening },
      });
    },
    retire: async (row, at) => {
      const refused = await update(row, {
        set: { state: "RETIRED" },
        append: [{ event: "retire", at }],
        remove: ["dead", "deadAt"],
        condition: IN_BUCKET,
        values: { ":failed": "FAILED", ":ended": row.attempt },
      });
      return refused === undefined;
    },
    arrive: async (arrival: Arrival) => {
      const key = arrivalKey(arrival.pipeline, arrival.token);
      const { token, ...fields } = arrival;
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: { ...key, ...fields },
            ConditionExpression: "attribute_not_exists(pk)",
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

/** The row's keys are not said twice: `pk` and `sk` hold the pipeline and the id. */
function identityOf({ stage, edge, token, run, parent }: JobIdentity): Record<string, unknown> {
  return { v: 1, stage, edge, token, run, ...(parent !== undefined && { parent }) };
}

function resultOf({ attempt, log }: FinishedJob | FailedJob): Record<string, unknown> {
  return { attempt, ...(log.length > 0 && { log }) };
}

export function recordOf(item: Record<string, unknown>): JobRecord {
  const { pk, sk, ...fields } = item as { pk: string; sk: string } & Omit<JobRecord, "id" | "pipeline">;
  return { ...fields, id: sk, pipeline: pk.split("#")[1] ?? "" };
}

interface Change {
  readonly set?: Record<string, unknown>;
  /** Entries added at the end of `history`. */
  readonly append?: readonly unknown[];
  readonly remove?: readonly string[];
  readonly condition: string;
  /** Further values of the condition. */
  readonly values?: Record<string, unknown>;
}

/** Every name that is set is written with `#`, because `state`, `log` and others are reserved words of DynamoDB. */
function expressionOf({ set = {}, append, remove = [], condition, values: more = {} }: Change) {
  const names: Record<string, string> = {};
  const values: Record<string, unknown> = { ...more };
  const sets = Object.entries(set).map(([name, value]) => {
    names[`#${name}`] = name;
    values[`:${name}`] = value;
    return `#${name} = :${name}`;
  });
  if (append) {
    values[":entries"] = append;
    values[":none"] = [];
    sets.push("history = list_append(if_not_exists(history, :none), :entries)");
  }
  const clauses = [
    ...(sets.length > 0 ? [`SET ${sets.join(", ")}`] : []),
    ...(remove.length > 0 ? [`REMOVE ${remove.join(", ")}`] : []),
  ];
  return {
    UpdateExpression: clauses.join(" "),
    ConditionExpression: condition,
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  } satisfies Partial<UpdateCommandInput>;
}
