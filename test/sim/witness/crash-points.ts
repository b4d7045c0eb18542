import type { Message } from "../services/queues.ts";
import type { Write } from "../services/table.ts";
import type { CauseOfDeath, Sandbox } from "../world/sandbox.ts";
import { enteringBy, envelopeIn, isIntake, jobOfMessage } from "./messages.ts";
import type { Probes } from "./probes.ts";
import type { JobTruth, Truth } from "./truth.ts";

/** A message in the hands of an invocation. */
export type Held = Pick<Message, "id" | "body"> & { readonly queue: string };

/** What a sandbox has done in its current invocation, as far as it matters where it dies. */
interface Doing {
  readonly held: readonly Held[];
  /** Tokens that it stored objects for. */
  readonly stored: Set<string>;
  /** Lasting jobs that it has made a row of, or committed the outputs of. */
  readonly created: Set<string>;
  readonly committed: Set<string>;
  /** The job that it is taking out of the error bucket, and how far it has come. */
  retry: { readonly job: string; step: "opened" | "sent" | "left" } | undefined;
}

/** Knows, when a function dies, which of the protocol's steps it died between. */
export class CrashPoints {
  readonly #truth: Truth;
  readonly #probes: Probes;
  readonly #doing = new Map<string, Doing>();

  constructor(truth: Truth, probes: Probes) {
    this.#truth = truth;
    this.#probes = probes;
  }

  began({ name }: Sandbox, held: readonly Held[]): void {
    this.#doing.set(name, {
      held,
      stored: new Set(),
      created: new Set(),
      committed: new Set(),
      retry: undefined,
    });
  }

  stored({ name }: Sandbox, key: string): void {
    const token = key.split("/")[3];
    if (key.startsWith("out/") && token !== undefined) this.#doing.get(name)?.stored.add(token);
  }

  created({ name }: Sandbox, job: string): void {
    this.#doing.get(name)?.created.add(job);
  }

  committed({ name }: Sandbox, job: string): void {
    this.#doing.get(name)?.committed.add(job);
  }

  /** A step of a retry. */
  retried({ name }: Sandbox, job: string, step: "opened" | "sent" | "left"): void {
    const doing = this.#doing.get(name);
    if (doing && (step === "opened" || doing.retry?.job === job)) doing.retry = { job, step };
  }

  died({ name, requests }: Sandbox, cause: CauseOfDeath): void {
    const doing = this.#doing.get(name);
    if (!doing) return;
    this.#probes.reachIf(doing.retry?.step === "opened", "retry-unsent");
    this.#probes.reachIf(doing.retry?.step === "sent", "retry-not-left");
    this.#probes.reachIf(requests === 0 && doing.held.length > 0, "L0-received");
    this.#probes.reachIf(doing.created.size > 0, "H1-row");
    for (const job of doing.committed) this.#diedCommitting(this.#truth.job(job));
    for (const held of doing.held) {
      if (isIntake(held.queue)) this.#diedEntering(held);
      else this.#diedWorking(held, doing, cause);
    }
  }

  #diedCommitting({ row, children = [] }: JobTruth): void {
    const sent = children.filter(({ isSent }) => isSent).length;
    if (sent < children.length) this.#probes.reach("H6-committed");
    else this.#probes.reach(row?.settled ? "H8-settled" : "H7-sent");
  }

  #diedEntering({ body }: Held): void {
    const isRecorded = enteringBy(body).some(({ token }) => {
      const truth = this.#truth.tokens.get(token);
      return truth !== undefined && this.#truth.arrivals.has(token) && !truth.isSent;
    });
    this.#probes.reachIf(isRecorded, "arrival-unsent");
  }

  #diedWorking(held: Held, { stored, held: all }: Doing, cause: CauseOfDeath): void {
    const job = this.#truth.job(jobOfMessage(held.queue, held));
    const { row, children } = job;
    job.deaths += 1;
    job.wasKilledByNeighbour ||= cause === "poison" && all.length > 1;
    if (children && children.length > 0) {
      const sent = children.filter(({ isSent }) => isSent).length;
      const point = sent === 0 ? "L4-committed" : sent < children.length ? "L5-some-sent" : "L6-all-sent";
      this.#probes.reach(point);
      this.#probes.reachIf(cause === "timeout" && sent < children.length, "timeout-while-emitting");
    } else if (row?.reason !== undefined) this.#probes.reach("L9-parked");
    else if (stored.has(envelopeIn(held.body)?.id ?? "")) this.#probes.reach("L2-stored");
    else if (row && (row.begun ?? 0) > row.attempt) this.#probes.reach("L1-begun");
  }
}

type Intent =
  | "commit"
  | "park"
  | "begin"
  | "retry"
  | "reopen"
  | "retire"
  | "leave"
  | "note"
  | "take-back"
  | "arrive";

/** What a write is for, told from what it sets. */
export function intentOf({ key, values }: Write): Intent {
  if (key.pk.startsWith("R#")) return "arrive";
  if (values[":committed"] !== undefined) return "commit";
  if (values[":reason"] !== undefined) return "park";
  if (values[":begun"] !== undefined) return "begin";
  if (values[":opening"] !== undefined) return "leave";
  if (values[":sent"] !== undefined) return "note";
  const states: Readonly<Record<string, Intent>> = { RUNNING: "retry", CREATED: "reopen", RETIRED: "retire" };
  return states[String(values[":state"])] ?? "take-back";
}
