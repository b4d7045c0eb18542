import type { Arrival, JobRecord } from "./record.ts";

/** What the board adds up, read from every row of a pipeline: a few hundred bytes each, and no bodies. */
export type JobSummary = Pick<JobRecord, "id" | "stage" | "edge" | "run" | "state" | "parent"> & {
  readonly tokens: number;
};

/** The reading side of the job table. Nothing here scans the table: rows are found by partition or by index. */
export interface JobQueries {
  summaries(pipeline: string): Promise<JobSummary[]>;
  arrivals(pipeline: string): Promise<Arrival[]>;
  /** Rows in the order of their ids, from `after` on. */
  list(pipeline: string, wanted: JobFilter): Promise<JobRecord[]>;
  /** The error bucket, oldest first within an edge. */
  dead(pipeline: string, edge?: string): Promise<JobRecord[]>;
}

export interface JobFilter {
  readonly stage?: string;
  readonly state?: string;
  readonly run?: string;
  /** At most so many. */
  readonly limit: number;
}
