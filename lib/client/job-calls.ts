import type { Json } from "../token/json.ts";
import { type ApiClient, path } from "./api-client.ts";

/** What can be said to the API of a job: `PipelineJob` and the command line are made of it. */

export interface JobDescription {
  readonly pipeline: string;
  /** With the pipeline, what the job is known by: setting it up again gives the same job. */
  readonly parameters?: Readonly<Record<string, Json>>;
  /** The stage of the pipeline that it does the work of, if of any. */
  readonly stage?: string;
  /** What it is about, from the whole to the part: a laboratory, an experiment, a sample. It is known by that too. */
  readonly belongsTo?: readonly string[];
  /** What its archive path is called by, in the place of two words. */
  readonly session?: string;
  /** A second factor is to be shown with the key. */
  readonly nonce?: boolean;
}

export interface SetUpJob {
  readonly id: string;
  /** Given when the job is made, and never again; like the nonce and the callback. */
  readonly key?: string;
  readonly nonce?: string;
  /** Reports by being posted to; `${STATUS}` in it stands for what has happened. */
  readonly callback?: string;
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
  readonly history: readonly ShownEntry[];
  /** Number of the entry that the next page begins with, when there is one. */
  readonly next?: number;
}

/** What allows to report on a job. */
export interface Credentials {
  readonly key?: string | undefined;
  readonly nonce?: string | undefined;
}

export interface ShownEntry {
  readonly event: string;
  /** ISO 8601. */
  readonly at: string;
  readonly attempt?: number;
  readonly data?: Json;
}

/** What becomes of an archive path. */
export interface Wiped {
  readonly objects: number;
  readonly bytes: number;
}

/** An operator's word on a job, without its key. */
export interface Operation {
  readonly verb: string;
  readonly data?: Json | undefined;
  readonly eventId?: string;
  /** Of `reset` and `delete`: only says what would be removed. */
  readonly dryRun?: boolean | undefined;
  /** Of `delete`: with what the job has archived. */
  readonly purge?: boolean | undefined;
}

export interface Operated {
  readonly id: string;
  readonly state?: string;
  readonly wiped?: Wiped;
  readonly dryRun?: true;
  readonly deleted?: true;
}

export interface IssuedKey {
  readonly id: string;
  readonly key: string;
  readonly callback: string;
  readonly expires: string;
  /** What must come with the key as `x-nonce`. */
  readonly nonce?: string;
}

export class JobCalls {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  setUp(body: JobDescription): Promise<SetUpJob> {
    return this.#api.request({ method: "POST", path: "/v1/jobs", body, isRepeatable: true });
  }

  report(id: string, { key, nonce }: Credentials, body: Report): Promise<Answer> {
    const at = path`/v1/jobs/${id}/events`;
    return this.#api.request({ method: "POST", path: at, body, key, nonce, isRepeatable: true });
  }

  /** Stores a file below the job's path. Doing it again replaces it. */
  async archive(
    id: string,
    { key, nonce }: Credentials,
    { name, body }: { readonly name: string; readonly body: string | Uint8Array<ArrayBuffer> },
  ): Promise<void> {
    const answer = await this.#api.request<{ uploads: readonly { url: string }[] }>({
      method: "POST",
      path: path`/v1/jobs/${id}/uploads`,
      body: { names: [name] },
      key,
      nonce,
      isRepeatable: true,
    });
    for (const { url } of answer.uploads) await this.#api.upload(url, body);
  }

  /** Whether what the jobs of a pipeline archive is indexed when they have finished. */
  async isIndexed(pipeline: string): Promise<boolean> {
    const { archive } = await this.#api.request<{ archive?: unknown }>({
      method: "GET",
      path: path`/v1/pipelines/${pipeline}`,
      isRepeatable: true,
    });
    return archive !== undefined;
  }

  /** @param from number of the first entry of the history that is wanted */
  async show(id: string, from = 0): Promise<ShownJob> {
    const job = await this.#page(id, from);
    const history = [...job.history];
    for (let { next } = job; next !== undefined; ) {
      const page = await this.#page(id, next);
      history.push(...page.history);
      next = page.next;
    }
    return { ...job, history };
  }

  #page(id: string, from: number): Promise<ShownJob> {
    return this.#api.request({
      method: "GET",
      path: path`/v1/jobs/${id}`,
      query: { from },
      isRepeatable: true,
    });
  }

  operate(id: string, { verb, ...body }: Operation): Promise<Operated> {
    const at = path`/v1/jobs/${id}/verbs/${verb}`;
    return this.#api.request({ method: "POST", path: at, body, isRepeatable: true });
  }

  /** A new key; those before it are void. */
  issueKey(id: string): Promise<IssuedKey> {
    return this.#api.request({
      method: "POST",
      path: path`/v1/jobs/${id}/key`,
      body: {},
      isRepeatable: true,
    });
  }

  revokeKey(id: string): Promise<{ readonly revoked: true }> {
    const body = { revoke: true };
    return this.#api.request({ method: "POST", path: path`/v1/jobs/${id}/key`, body, isRepeatable: true });
  }
}
