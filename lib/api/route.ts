import * as z from "zod";
import type { FileIndex } from "../archive/file-index.ts";
import type { ArchiveStore } from "../archive/store.ts";
import type { QueueCounts } from "../board/board.ts";
import type { Clock } from "../clock.ts";
import { MillraceError } from "../errors.ts";
import type { KeyRing } from "../job/callback-key.ts";
import type { ErrorBucketStore } from "../job/error-bucket.ts";
import type { JobQueries } from "../job/queries.ts";
import type { JobStore } from "../job/record.ts";
import type { PipelinePlan, Plan } from "../plan/plan.ts";
import type { BatchingSender } from "../queue/sender.ts";
import type { LastingDependencies } from "../stage/lasting.ts";
import type { ObjectStore } from "../token/objects.ts";
import { type ApiRequest, type ApiResponse, notFound } from "./http.ts";

/** What every route of the API is made of. */
export interface Route<Dependencies = ApiDependencies> {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** For the list of routes: what it does, and what its body or query may hold. */
  readonly does: string;
  handle(request: ApiRequest, dependencies: Dependencies): Promise<ApiResponse>;
}

export interface ApiDependencies {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly jobs: JobStore & ErrorBucketStore;
  readonly queries: JobQueries;
  readonly sender: BatchingSender;
  readonly objects: ObjectStore;
  countsOf(pipeline: PipelinePlan): Promise<ReadonlyMap<string, QueueCounts>>;
  /** A URL by which an object can be uploaded for a while, without further credentials. */
  uploadUrl(key: string): Promise<string>;
  newId(): string;
}

/** What the routes of lasting jobs need besides. */
export interface LastingApiDependencies extends ApiDependencies {
  readonly lasting: LastingDependencies;
  readonly archive: ArchiveStore;
  /** What jobs have archived, as it was indexed. */
  readonly files: FileIndex;
  readonly ring: KeyRing;
  randomBytes(count: number): Buffer;
}

export function pipelineIn(
  { params: { pipeline: id = "" } }: ApiRequest,
  { plan }: ApiDependencies,
): PipelinePlan {
  const pipeline = plan.pipelines.find((candidate) => candidate.id === id);
  if (pipeline) return pipeline;
  throw notFound(
    `there is no pipeline "${id}"`,
    `there is: ${plan.pipelines.map((each) => each.id).join(", ")}`,
  );
}

/** What else can be no id of ours need not be looked up: a key has its own limits. */
export const isId = (text: string): boolean => z.uuid().safeParse(text).success;

/** Look-ups speak of plans; to a caller of the API the same is a thing that was not found. */
export function known<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw notFound((error as Error).message, error instanceof MillraceError ? error.hint : undefined);
  }
}

export const defined = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
