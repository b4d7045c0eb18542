import { MillraceError } from "../errors.ts";
import type { Json } from "../token/json.ts";
import { ApiClient, LOCAL_URL, type Surroundings } from "./api-client.ts";
import { type Answer, JobCalls, type JobDescription, type SetUpJob, type ShownJob } from "./job-calls.ts";
import { realSurroundings } from "./surroundings.ts";

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

type Data = Json | undefined;
/** What verbs are made of. */
interface Deeds {
  setUp(more: Readonly<Record<string, Json>>): Promise<void>;
  report(event: string, data: Data, eventId: string | undefined): Promise<void>;
  operate(verb: string): Promise<void>;
  issueKey(): Promise<void>;
  show(): Promise<unknown>;
}
type Step = (deeds: Deeds) => Promise<unknown>;
type Take = (step: Step) => Steps;

/** What can be done to a job. In a chain, each is sent when the one before it has been answered. */
abstract class Verbs {
  readonly #take: Take;

  constructor(take: Take) {
    this.#take = take;
  }

  /** Makes the job, or finds it. @param parameters are added to those that it was described by */
  setup(parameters: Readonly<Record<string, Json>> = {}): Steps {
    return this.#take((deeds) => deeds.setUp(parameters));
  }

  run(data?: Data): Steps {
    return this.report("run", data);
  }
  update(data?: Data): Steps {
    return this.report("update", data);
  }
  resource(data?: Data): Steps {
    return this.report("resource", data);
  }
  finish(data?: Data): Steps {
    return this.report("finish", data);
  }
  fail(data?: Data): Steps {
    return this.report("fail", data);
  }
  index(data?: Data): Steps {
    return this.report("index", data);
  }
  validate(data?: Data): Steps {
    return this.report("validate", data);
  }
  validated(data?: Data): Steps {
    return this.report("validated", data);
  }
  reject(data?: Data): Steps {
    return this.report("reject", data);
  }
  finalize(data?: Data): Steps {
    return this.report("finalize", data);
  }
  retire(data?: Data): Steps {
    return this.report("retire", data);
  }

  /** Any event, by its name. @param eventId the same one is taken once (default: a new one) */
  report(event: string, data?: Data, eventId?: string): Steps {
    return this.#take((deeds) => deeds.report(event, data, eventId));
  }

  /** Calls off a job that nothing has happened to. */
  cancel(): Steps {
    return this.#take((deeds) => deeds.operate("cancel"));
  }
  /** Clears the job for another go: what it archived is wiped. Then {@link ready}. */
  reset(): Steps {
    return this.#take((deeds) => deeds.operate("reset"));
  }
  ready(): Steps {
    return this.#take((deeds) => deeds.operate("ready"));
  }

  /** Gets a new key, for an operator; those before it are void. */
  renewKey(): Steps {
    return this.#take((deeds) => deeds.issueKey());
  }

  /** Looks at the job: {@link PipelineJob.status} is then what it is now. */
  refresh(): Steps {
    return this.#take((deeds) => deeds.show());
  }
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
  /** What was begun last: whatever is begun next comes after it. */
  #last: Promise<unknown> = Promise.resolve();
  #description: JobDescription | undefined;
  #known: KnownJob & { readonly callback?: string; readonly path?: string; readonly state?: string };
  #answer: Answer | undefined;

  /** @throws ApiError when the URL is none */
  constructor(
    job: JobDescription | KnownJob,
    { url = process.env["MILLRACE_URL"] ?? LOCAL_URL, surroundings = realSurroundings }: JobOptions = {},
  ) {
    super((step) => this.#after(Promise.resolve(), step));
    this.#calls = new JobCalls(new ApiClient(url, surroundings));
    this.#newId = surroundings.newId;
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
    this.#learn(shown);
    return shown;
  }

  readonly #deeds: Deeds = {
    setUp: async (more) => {
      if (!this.#description) return void (await this.show());
      this.#description = { ...this.#description, parameters: { ...this.data, ...more } };
      this.#learn(await this.#calls.setUp(this.#description));
    },
    report: async (event, data, eventId = this.#newId()) => {
      this.#answer = await this.#calls.report(this.id, this.#known, { event, data, eventId });
      this.#learn(this.#answer);
    },
    operate: async (verb) =>
      this.#learn(await this.#calls.operate(this.id, { verb, eventId: this.#newId() })),
    issueKey: async () => this.#learn(await this.#calls.issueKey(this.id)),
    show: () => this.show(),
  };

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

/** What has been begun, and can be gone on with at once. */
export class Steps extends Verbs implements PromiseLike<PipelineJob> {
  readonly #done: Promise<PipelineJob>;

  constructor(done: Promise<PipelineJob>, take: Take) {
    super(take);
    this.#done = done;
  }

  // biome-ignore lint/suspicious/noThenProperty: a chain is awaited as a whole
  then: Promise<PipelineJob>["then"] = (fulfilled, rejected) => this.#done.then(fulfilled, rejected);
}
