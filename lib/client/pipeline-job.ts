import type { Clock } from "../clock.ts";
import { MillraceError } from "../errors.ts";
import type { Json } from "../token/json.ts";
import { ApiClient, LOCAL_URL, type Surroundings } from "./api-client.ts";
import { follow } from "./follow.ts";
import {
  type Answer,
  type Credentials,
  JobCalls,
  type JobDescription,
  type SetUpJob,
  type ShownEntry,
  type ShownJob,
} from "./job-calls.ts";
import { realSurroundings } from "./surroundings.ts";
import { type Deeds, type Step, Steps, Verbs } from "./verbs.ts";

/** A job that was set up elsewhere, or in an earlier life of the program. */
export interface KnownJob {
  readonly id: string;
  /** Without it the job can be looked at, but nothing reported of it. */
  readonly key?: string;
  /** Needed where the job was set up with one. */
  readonly nonce?: string;
}

export interface JobOptions {
  /** The API (default: MILLRACE_URL, or the runtime on this machine). */
  readonly url?: string;
  readonly surroundings?: Surroundings & { newId(): string };
}

/**
 * A job that somebody else's program sets up, works on and reports (`import { PipelineJob } from "millrace/job"`).
 *
 * Every verb may follow at once on the one before; awaiting gives the job, or the first error, after which nothing more of
 * that chain is sent. An event is sent again, under the same id, when the service was at fault, and takes effect once.
 *
 * @example
 * const job = await new PipelineJob({ pipeline: "fcs-etl", parameters: { sample: "A2" } }).setup().run();
 * await job.update({ percent: 50 }).finish();
 * job.status; // "FINISHED"
 */
export class PipelineJob extends Verbs {
  readonly #calls: JobCalls;
  readonly #newId: () => string;
  readonly #clock: Clock;
  /** What was begun last: whatever is begun next comes after it. */
  #last: Promise<unknown> = Promise.resolve();
  #description: JobDescription | undefined;
  #known: KnownJob & { readonly callback?: string; readonly path?: string; readonly state?: string };
  #answer: Answer | undefined;

  /** @throws ApiError when the URL is none */
  constructor(
    job: JobDescription | KnownJob,
    { url = process.env["MILLRACE_URL"] || LOCAL_URL, surroundings = realSurroundings }: JobOptions = {},
  ) {
    super((step) => this.#after(Promise.resolve(), step));
    this.#calls = new JobCalls(new ApiClient(url, surroundings));
    this.#newId = surroundings.newId;
    this.#clock = surroundings.clock;
    this.#known = { id: "" };
    if ("pipeline" in job) this.#description = job;
    else this.#known = job;
  }

  /** @throws MillraceError `no-job` before it was set up */
  get id(): string {
    if (this.#known.id !== "") return this.#known.id;
    throw new MillraceError("no-job", "the job has not been set up", { hint: "call setup() first" });
  }
  /**
   * What a reporter needs; a secret. Undefined when the job had been set up before: only its maker was given it, and
   * {@link renewKey} gets another.
   */
  get key(): string | undefined {
    return this.#known.key;
  }
  /** What the key needs beside it, if anything; a secret. */
  get nonce(): string | undefined {
    return this.#known.nonce;
  }
  /** A URL for systems that report by themselves, with `${STATUS}` where they put what has happened; a secret. */
  get callback(): string | undefined {
    return this.#known.callback;
  }
  /** Where its outputs belong. */
  get path(): string | undefined {
    return this.#known.path;
  }
  /** The state, as the last answer had it. */
  get status(): string | undefined {
    return this.#known.state;
  }
  /** What the job was described by, and is known by. */
  get data(): Readonly<Record<string, Json>> {
    return this.#description?.parameters ?? {};
  }
  /** What became of the last event: one that came too late, or a second time, is no error. */
  get answer(): Answer | undefined {
    return this.#answer;
  }

  /** The job's record, history included. */
  async show(): Promise<ShownJob> {
    const shown = await this.#calls.show(this.id);
    const { path, state } = shown;
    // What it shows of the key is no key.
    this.#learn({ path, state });
    return shown;
  }

  /** What happens to the job, until it has come to rest: from its first entry on, then as it comes. */
  async *follow(signal?: AbortSignal): AsyncGenerator<ShownEntry> {
    const { pipeline } = await this.show();
    const look = (from: number): Promise<ShownJob> => this.#calls.show(this.id, from);
    for await (const seen of follow(look, await this.#calls.isIndexed(pipeline), this.#clock, signal)) {
      this.#learn({ state: seen.state });
      yield* seen.entries;
    }
  }

  readonly #deeds: Deeds = {
    setUp: async (more) => {
      if (!this.#description) return void (await this.show());
      this.#description = { ...this.#description, parameters: { ...this.data, ...more } };
      this.#learn(await this.#calls.setUp(this.#description));
    },
    report: async (event, data, eventId = this.#newId()) => {
      this.#answer = await this.#calls.report(this.id, this.#credentials(), { event, data, eventId });
      this.#learn(this.#answer);
    },
    archive: (name, body) => this.#calls.archive(this.id, this.#credentials(), { name, body }),
    operate: async (verb) =>
      this.#learn(await this.#calls.operate(this.id, { verb, eventId: this.#newId() })),
    issueKey: async () => this.#learn(await this.#calls.issueKey(this.id)),
    show: () => this.show(),
  };

  /** @throws MillraceError `no-key` */
  #credentials(): Credentials {
    const { key, nonce } = this.#known;
    if (key !== undefined) return { key, nonce };
    throw new MillraceError("no-key", `the key of the job ${this.id} is with whoever made it`, {
      hint: "give it to new PipelineJob({ id, key }), or make it void: renewKey()",
    });
  }

  #learn({ id = this.#known.id, key, nonce, callback, path, state }: Partial<SetUpJob>): void {
    this.#known = {
      ...this.#known,
      id,
      ...(key !== undefined && { key }),
      ...(nonce !== undefined && { nonce }),
      ...(callback !== undefined && { callback }),
      ...(path !== undefined && { path }),
      ...(state !== undefined && { state }),
    };
  }

  /** @param before must have succeeded; whatever else was begun must only have ended */
  #after(before: Promise<unknown>, step: Step): Steps {
    const done = this.#last
      .catch(() => {})
      .then(() => before)
      .then(() => step(this.#deeds))
      .then(() => this);
    this.#last = done;
    return new Steps(done, (next) => this.#after(done, next));
  }
}
