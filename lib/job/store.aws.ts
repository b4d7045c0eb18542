import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { Json } from "../token/json.ts";
import type { ErrorBucketStore } from "./error-bucket.ts";
import { arrivalKey, deadKeyOf, jobKey } from "./keys.ts";
import {
  type Arrival,
  type Commit,
  type CommittedOutput,
  type FailedJob,
  type FinishedJob,
  HISTORY_KEPT,
  type HistoryEntry,
  type JobIdentity,
  type JobRecord,
  type JobStore,
} from "./record.ts";

const BEGUN = ["begun", "begunBy", "begunFor", "begunAt"];
/** No attempt is begun by it. */
const NOBODY = "-";

/** What the store needs of the SDK's client. */
export type DocumentClient = Pick<DynamoDBDocumentClient, "send">;

/** Nothing has been decided about the job's outputs, and it does not lie in the error bucket. */
const OPEN = "attribute_not_exists(committed) AND attribute_not_exists(reason)";
/** No attempt as young as this one has ended: one that was overtaken changes nothing. */
const NOT_OVERTAKEN = "(attribute_not_exists(attempt) OR attempt < :attempt)";

/** Nobody else has begun an attempt that has not ended. */
const NOBODY_ELSE = "(attribute_not_exists(begun) OR begun <= attempt OR begunBy = :by)";

/** The job lies in the error bucket, and is the one that was looked at. */
const IN_BUCKET = "#state = :failed AND attempt = :ended";

export function jobStore(client: DocumentClient, table: string): JobStore & ErrorBucketStore {
  const get: JobStore["get"] = async (pipeline, id) => {
    const { Item } = await client.send(
      new GetCommand({ TableName: table, Key: jobKey(pipeline, id), ConsistentRead: true }),
    );
    return Item && recordOf(Item);
  };

  /** One conditional write. False when the condition does not hold. */
  const write = async (job: JobIdentity, change: Change): Promise<boolean> => {
    try {
      await client.send(
        new UpdateCommand({ TableName: table, Key: jobKey(job.pipeline, job.id), ...expressionOf(change) }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  /** One conditional write; when the condition does not hold, the row as it stands. */
  const update = async (job: JobIdentity, change: Change): Promise<JobRecord | undefined> => {
    if (await write(job, change)) return undefined;
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
          committed: storedCommit(finished.committed),
          durationMs: finished.durationMs,
        },
        append: finished.history,
        remove: ["#error", ...(finished.log.length > 0 ? [] : ["#log"])],
        // A retry that has not sent its message yet keeps the row in the bucket: nothing else may know that it is to be
        // seen through.
        condition: OPEN,
      }),
    noteSent: async (job, sent) => {
      // Refused when somebody else has come further.
      await write(job, { set: { sent }, condition: "attribute_not_exists(sent) OR sent < :sent" });
    },
    noteBegun: async (job, { attempt, ended, endedBefore, by, for: message, at, history }) => {
      const inTheWay = await update(job, {
        set: {
          ...identityOf(job),
          state: "RUNNING",
          begun: attempt,
          begunBy: by,
          begunFor: message,
          begunAt: at,
          attempt: ended,
        },
        append: history,
        condition: `${OPEN} AND (attribute_not_exists(begun) OR begun < :begun) AND (attribute_not_exists(attempt) OR attempt <= :before)`,
        values: { ":before": endedBefore },
      });
      // Its own write, when the first answer was lost and the SDK tried again.
      return inTheWay?.begunBy === by ? undefined : inTheWay;
    },
    takeBack: async (job, by) => {
      await write(job, { remove: BEGUN, condition: `${OPEN} AND begunBy = :by`, values: { ":by": by } });
    },
    noteRetry: (job, failed) =>
      update(job, {
        set: { ...identityOf(job), ...resultOf(failed), state: "RUNNING", error: failed.error },
        append: failed.history,
        condition: `${OPEN} AND ${NOT_OVERTAKEN} AND ${NOBODY_ELSE}`,
        values: { ":by": failed.begunBy ?? NOBODY },
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
        condition: `${OPEN} AND ${NOT_OVERTAKEN} AND ${NOBODY_ELSE}`,
        values: { ":by": failed.begunBy ?? NOBODY },
      }),
    reopen: async (row, at) => {
      const opening = (row.retries ?? 0) + 1;
      const inTheWay = await update(row, {
        set: {
          state: "CREATED",
          attemptsForgiven: row.attempt,
          retries: opening,
          history: [...row.history, { event: "reopen", at }].slice(-HISTORY_KEPT),
        },
        remove: ["reason"],
        condition: IN_BUCKET,
        values: { ":failed": "FAILED", ":ended": row.attempt },
      });
      // Open by now, by this opening: its own write, when the first answer was lost and the SDK tried again.
      return !inTheWay || (inTheWay.reason === undefined && inTheWay.retries === opening);
    },
    leaveBucket: async (row, opening) => {
      // Refused when it has failed again, or another retry is under way: then it lies in the bucket, and rightly.
      await write(row, {
        remove: ["dead", "deadAt", "body"],
        condition: "attribute_not_exists(reason) AND retries = :opening",
        values: { ":opening": opening },
      });
    },
    retire: async (row, at) => {
      const inTheWay = await update(row, {
        set: { state: "RETIRED" },
        append: [{ event: "retire", at }],
        remove: ["dead", "deadAt"],
        condition: IN_BUCKET,
        values: { ":failed": "FAILED", ":ended": row.attempt },
      });
      return !inTheWay || inTheWay.state === "RETIRED";
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

/**
 * Outputs stand on the row as text: as a map, DynamoDB would refuse numbers beyond its own 38 digits or the client's 53
 * bits, more than 32 levels, and some names.
 */
export function storedCommit({ outputs, ...commit }: Commit): Record<string, unknown> {
  return outputs ? { ...commit, outputs: JSON.stringify(outputs) } : { ...commit };
}

type StoredRecord = Omit<JobRecord, "id" | "pipeline" | "committed" | "parameters" | "history"> & {
  readonly pk: string;
  readonly sk: string;
  readonly committed?: Omit<Commit, "outputs"> & { readonly outputs?: string };
  readonly parameters?: string;
  readonly history?: readonly StoredEntry[];
};

/** An entry of a lasting job's history has its data as text, for the reason that outputs are. */
export type StoredEntry = HistoryEntry & { readonly json?: string };

export const entryOf = ({ json, ...entry }: StoredEntry): HistoryEntry =>
  json === undefined ? entry : { ...entry, data: JSON.parse(json) as Json };

/** A row as the rest of the code knows it. */
export function recordOf(item: Record<string, unknown>): JobRecord {
  const { pk, sk, committed, parameters, history, ...fields } = item as unknown as StoredRecord;
  const outputs = committed?.outputs;
  return {
    ...fields,
    id: sk,
    pipeline: pk.split("#")[1] ?? "",
    // A projection leaves it out.
    ...(history && { history: history.map(entryOf) }),
    ...(parameters !== undefined && { parameters: JSON.parse(parameters) as Json }),
    ...(committed && {
      committed: {
        ...committed,
        outputs: outputs === undefined ? undefined : (JSON.parse(outputs) as CommittedOutput[]),
      },
    }),
  } as JobRecord;
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
  for (const name of remove) if (name.startsWith("#")) names[name] = name.slice(1);
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
