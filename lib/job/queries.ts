import type { Arrival, JobRecord } from "./record.ts";

/** What the board adds up, read from every row of a pipeline: a few hundred bytes each, and no bodies. */
export type JobSummary = Pick<JobRecord, "id" | "stage" | "edge" | "run" | "state" | "parent"> & {
  readonly tokens: number;
  readonly isCommitted: boolean;
};

/** The reading side of the job table. Nothing here scans the table: rows are found by partition or by index. */
export interface JobQueries {
  summaries(pipeline: string): Promise<JobSummary[]>;
  arrivals(pipeline: string): Promise<Arrival[]>;
  /** The latest rows that fit. Reads all rows of the pipeline. */
  list(pipeline: string, wanted: JobFilter): Promise<JobRecord[]>;
  /** A page of the error bucket: oldest first within an edge. */
  dead(pipeline: string, wanted: DeadPage): Promise<DeadRows>;
}

export interface DeadPage {
  /** Id of an edge. */
  readonly edge?: string | undefined;
  /** Where the page before ended. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface DeadRows {
  readonly rows: readonly JobRecord[];
  /** Where the next page begins; absent at the end. */
  readonly next?: string | undefined;
}

export interface JobFilter {
  readonly stage?: string;
  readonly state?: string;
  readonly run?: string;
  /** At most so many. */
  readonly limit: number;
}
