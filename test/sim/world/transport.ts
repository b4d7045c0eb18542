import { ClusterError } from "../../../lib/cluster/cluster.ts";
import type { FaultKind } from "../faults.ts";
import type { Sandbox } from "./sandbox.ts";
import type { World } from "./world.ts";

type Service = "sqs" | "ddb" | "s3" | "k8s";

/** A request on its way to a service. */
export interface Call<Answer> {
  readonly service: Service;
  readonly operation: string;
  readonly about: string;
  /** How often its client tries; the SDK's default when it does not say. */
  readonly tries?: number;
  /** What the service does, at one instant. What it throws is its answer. */
  execute(): Answer;
}

/** The SDK's default (standard retry mode): docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html. */
const TRIES = 3;
const BACKOFF_MS = 100;
const THROTTLED_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 20_000;
/** As `lib/clients.aws.ts` sets them. */
const REQUEST_TIMEOUT_MS: Readonly<Record<Service, number>> = {
  sqs: 4000,
  ddb: 4000,
  s3: 30_000,
  k8s: 10_000,
};
/** How long a request may wander about before a service executes it after all. */
const LONGEST_WAY_MS = 1_500_000;

/** What the SDK tries again. */
class Transient extends Error {
  override readonly name: string;

  constructor(name: string) {
    super(`${name} (simulated)`);
    this.name = name;
  }
}

/**
 * Sends one request, with the SDK's own retries, through everything that can happen to it and to its sender. A dead
 * sender never hears of it again; a request that has been sent is executed all the same.
 */
export function send<Answer>(call: Call<Answer>, sandbox: Sandbox, world: World): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const attempt = (number: number): void => {
      const refuse = (error: Error): void => {
        if (!(error instanceof Transient) || number === (call.tries ?? TRIES)) {
          reject(error);
          return;
        }
        const base = error.name === "ThrottlingException" ? THROTTLED_BACKOFF_MS : BACKOFF_MS;
        const backoff = world.prng.fraction() * Math.min(LONGEST_BACKOFF_MS, base * 2 ** number);
        later(backoff, () => attempt(number + 1));
      };
      tryOnce(call, sandbox, world, { resolve, refuse });
    };
    const later = (ms: number, task: () => void): void => {
      sandbox.clock.schedule(sandbox.clock.now() + ms, task);
    };
    if (!sandbox.isDead) attempt(1);
  });
}

interface Sender<Answer> {
  resolve(answer: Answer): void;
  refuse(error: Error): void;
}

function tryOnce<Answer>(
  call: Call<Answer>,
  sandbox: Sandbox,
  world: World,
  { resolve, refuse }: Sender<Answer>,
): void {
  const { faults, timeline, prng } = world;
  const strikes = (kind: FaultKind): boolean => faults.strikes(kind, sandbox.fragility);
  sandbox.requests += 1;
  const answerAfter = (ms: number, answer: () => void): void => {
    sandbox.clock.schedule(timeline.now() + ms, answer);
  };
  if (strikes("crash-before")) {
    note(world, sandbox, call, "died before it");
    sandbox.kill("crash");
    return;
  }
  if (strikes("stall")) {
    const ms = prng.between(10_000, 600_000);
    note(world, sandbox, call, `stands still for ${ms} ms`);
    sandbox.stop(ms);
  }
  if (faults.strikes("late-request")) {
    const timeout = REQUEST_TIMEOUT_MS[call.service];
    timeline.after(prng.between(timeout, LONGEST_WAY_MS), () => {
      world.probes.reach("late-request-executed");
      perform(call, sandbox, world, "late: ");
    });
    answerAfter(timeout, () => refuse(new Transient("TimeoutError")));
    return;
  }
  const latency = prng.between(2, 30);
  const failure = failureBefore(world);
  if (failure) {
    answerAfter(latency, () => {
      note(world, sandbox, call, failure.name);
      refuse(failure);
    });
    return;
  }
  timeline.after(latency, () => {
    const outcome = perform(call, sandbox, world);
    if (strikes("crash-after")) {
      note(world, sandbox, call, "died after it");
      sandbox.kill("crash");
    } else if (faults.strikes("answer-lost")) {
      note(world, sandbox, call, "answer lost");
      answerAfter(prng.between(1, 5), () => refuse(new Transient("TimeoutError")));
    } else {
      answerAfter(prng.between(1, 5), () =>
        outcome.ok ? resolve(outcome.answer) : refuse(outcome.error as Error),
      );
    }
  });
}

function failureBefore({ faults }: World): Transient | undefined {
  if (faults.strikes("throttled")) return new Transient("ThrottlingException");
  return faults.strikes("unavailable") ? new Transient("InternalServerError") : undefined;
}

type Outcome<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; error: unknown };

function perform<Answer>(call: Call<Answer>, sandbox: Sandbox, world: World, how = ""): Outcome<Answer> {
  world.calls += 1;
  world.acting = sandbox;
  try {
    const answer = call.execute();
    note(world, sandbox, call, `${how}ok`);
    return { ok: true, answer };
  } catch (error) {
    note(world, sandbox, call, `${how}${(error as Error).name}`);
    if (!isAnswer(error)) world.notModelled.push((error as Error).message);
    return { ok: false, error };
  } finally {
    world.acting = undefined;
  }
}

/** The SDK's exceptions, and the cluster's, carry what the service answered. */
const isAnswer = (error: unknown): boolean =>
  error instanceof ClusterError || (error as { $metadata?: unknown }).$metadata !== undefined;

const note = (
  { log, timeline }: World,
  { name }: Sandbox,
  { service, operation, about }: Call<unknown>,
  outcome: string,
): void => log.write(timeline.now(), name, `${service}.${operation} ${about}: ${outcome}`);
