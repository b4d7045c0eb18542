import type { Json } from "../token/json.ts";
import { type ApiClient, path } from "./api-client.ts";

/** What can be said to the API of a job: `PipelineJob` and the command line are made of it. */

export interface JobDescription {
  readonly pipeline: string;
  /** With the pipeline, what the job is known by: setting it up again gives the same job. */
  readonly parameters?: Readonly<Record<string, Json>>;
  /** Needed where the pipeline has several external stages. */
  readonly stage?: string;
}

export interface SetUpJob {
  readonly id: string;
  /** Given when the job is made, and never again. */
  readonly key?: string;
  /** Reports by being posted to; `${STATUS}` in it stands for what has happened. */
  readonly callback: string;
  readonly path: string;
  readonly state: string;
}

export interface Report {
  readonly event: string;
  readonly data?: Json | undefined;
  /** The same event is taken once. */
  readonly eventId: string;
}

export interface Answer {
  readonly applied: boolean;
  readonly state: string;
  /** Why it was not applied: `duplicate`, `stale-attempt`, `finished` … */
  readonly reason?: string;
}

export interface ShownJob {
  readonly id: string;
  readonly pipeline: string;
  readonly state: string;
  readonly path: string;
  readonly history: readonly { readonly event: string; readonly at: string; readonly data?: Json }[];
}

/** What the job's operator does; its key does not allow it. */
export type Operation = "cancel" | "reset" | "ready";

export class JobCalls {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  setUp(body: JobDescription): Promise<SetUpJob> {
    return this.#api.request({ method: "POST", path: "/v1/jobs", body, isRepeatable: true });
  }

  report(id: string, key: string | undefined, body: Report): Promise<Answer> {
    return this.#api.request({
      method: "POST",
      path: path`/v1/jobs/${id}/events`,
      body,
      key,
      isRepeatable: true,
    });
  }

  show(id: string): Promise<ShownJob> {
    return this.#api.request({ method: "GET", path: path`/v1/jobs/${id}`, isRepeatable: true });
  }

  operate<T extends { state: string }>(id: string, operation: Operation, body: object = {}): Promise<T> {
    return this.#api.request({
      method: "POST",
      path: path`/v1/jobs/${id}/${operation}`,
      body,
      isRepeatable: true,
    });
  }
}
