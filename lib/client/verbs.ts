import type { Json } from "../token/json.ts";
import type { PipelineJob } from "./pipeline-job.ts";

type Data = Json | undefined;
/** What verbs are made of. */
export interface Deeds {
  setUp(more: Readonly<Record<string, Json>>): Promise<void>;
  report(event: string, data: Data, eventId: string | undefined): Promise<void>;
  archive(name: string, body: string | Uint8Array<ArrayBuffer>): Promise<void>;
  operate(verb: string): Promise<void>;
  issueKey(): Promise<void>;
  show(): Promise<unknown>;
}
export type Step = (deeds: Deeds) => Promise<unknown>;
type Take = (step: Step) => Steps;

/** What can be done to a job. In a chain, each is sent when the one before it has been answered. */
export abstract class Verbs {
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

  /** Stores a file below the job's path, while it is worked on. */
  archive(name: string, body: string | Uint8Array<ArrayBuffer>): Steps {
    return this.#take((deeds) => deeds.archive(name, body));
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
