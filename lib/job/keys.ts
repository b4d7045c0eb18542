/** Every key of the job table. */

/**
 * Rows of a pipeline are spread over so many partitions by the first digit of their id, all of which the board reads. Few
 * are enough: DynamoDB splits a partition that is written to heavily, since its sort keys are random
 * (docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html, "isolate frequently accessed items").
 */
const SHARDS = 4;

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
const shardOf = (id: string): number => Number.parseInt(id.charAt(0), 16) % SHARDS;

export const jobKey = (pipeline: string, id: string): Key => ({ pk: `J#${pipeline}#${shardOf(id)}`, sk: id });
export const jobPartitions = (pipeline: string): string[] => shards.map((shard) => `J#${pipeline}#${shard}`);

export const arrivalKey = (pipeline: string, token: string): Key => ({
  pk: `R#${pipeline}#${shardOf(token)}`,
  sk: token,
});
export const arrivalPartitions = (pipeline: string): string[] =>
  shards.map((shard) => `R#${pipeline}#${shard}`);

/** The files that a job archived, by their names below its archive path: a key holds 1024 bytes, as an object's does. */
export const filePartition = (pipeline: string, job: string): string => `F#${pipeline}#${job}`;
export const fileKey = (pipeline: string, job: string, name: string): Key => ({
  pk: filePartition(pipeline, job),
  sk: name,
});

/** The error bucket: only rows that lie in it are indexed, by edge and then by age. */
export const DEAD_INDEX = { name: "dead", hash: "dead", range: "deadAt" } as const;
/** Ends in the job's id, so that no two rows of the index share a key. */
export const deadKeyOf = (pipeline: string, edge: string, at: string, job: string) => ({
  dead: pipeline,
  deadAt: `${edge}#${at}#${job}`,
});
/** The part of the index that belongs to an edge, or all of it, from behind a row on. */
export const deadRange = (edge: string | undefined, after: string | undefined) => ({
  // "!" and "~" stand before and behind everything that an edge's id, a time or a job's id is made of.
  from: after === undefined ? (edge === undefined ? "!" : `${edge}#`) : `${after}!`,
  to: edge === undefined ? "~" : `${edge}#~`,
});

/** What belongs to a lasting job and is too much for its row: old history, and what came too late. */
const jobPartition = (pipeline: string, id: string): string => `E#${pipeline}#${id}`;
/** Sorts by number. */
export const entryKey = (pipeline: string, id: string, number: number): Key => ({
  pk: jobPartition(pipeline, id),
  sk: `H#${String(number).padStart(8, "0")}`,
});
/** Says that an event is among the old ones. */
export const eventKey = (pipeline: string, id: string, eventId: string): Key => ({
  pk: jobPartition(pipeline, id),
  sk: `I#${eventId}`,
});
export const lateKey = (pipeline: string, id: string, eventId: string): Key => ({
  pk: jobPartition(pipeline, id),
  sk: `L#${eventId}`,
});
/** Every sort key of the late ones. */
export const LATE_RANGE = { from: "L#", to: "L#~" } as const;

/** Places that a pool has in the cluster: who holds one. */
export const slotsKey = (pool: string): Key => ({ pk: `S#${pool}`, sk: "held" });
