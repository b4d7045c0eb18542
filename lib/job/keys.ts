/** Every key of the job table. */

/**
 * Rows of a pipeline are spread over so many partitions by the first digit of their id. The board and the lists query
 * all of them; a job is found by its id alone.
 */
const SHARDS = "0123456789abcdef";

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

const shardOf = (id: string): string => id.charAt(0);

export const jobKey = (pipeline: string, id: string): Key => ({ pk: `J#${pipeline}#${shardOf(id)}`, sk: id });
export const jobPartitions = (pipeline: string): string[] =>
  [...SHARDS].map((shard) => `J#${pipeline}#${shard}`);

export const arrivalKey = (pipeline: string, token: string): Key => ({
  pk: `R#${pipeline}#${shardOf(token)}`,
  sk: token,
});
export const arrivalPartitions = (pipeline: string): string[] =>
  [...SHARDS].map((shard) => `R#${pipeline}#${shard}`);

/** The error bucket: only rows that lie in it are indexed, by edge and then by age. */
export const DEAD_INDEX = { name: "dead", hash: "dead", range: "deadAt" } as const;
/** Ends in the job's id, so that no two rows of the index share a key. */
export const deadKeyOf = (pipeline: string, edge: string, at: string, job: string) => ({
  dead: pipeline,
  deadAt: `${edge}#${at}#${job}`,
});
export const deadPrefix = (edge: string): string => `${edge}#`;
