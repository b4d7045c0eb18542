import type { Clock } from "../clock.ts";
import { isoTime } from "../clock.ts";
import type { LogLevel, LogLine } from "../job/record.ts";
import type { Logger } from "../log.ts";
import type { ObjectRef } from "../token/envelope.ts";
import { nameDefect } from "../token/object-name.ts";
import { type ObjectStore, readBytes } from "../token/objects.ts";
import { excerpt, StageFailure } from "./failure.ts";
import { type CheckedOutput, checkOutput, checkSchema, type Routing } from "./outputs.ts";
import type { Log, Output, StageContext, StageDefinition, Token } from "./stage.ts";

/** Everything around one attempt at one token. */
export interface Attempt {
  readonly job: string;
  readonly token: Token;
  /** Where this attempt's objects go. */
  readonly prefix: string;
  readonly resultPrefix: string;
  readonly timeoutMs: number;
  readonly routing: Routing;
}

export interface WorkDependencies {
  readonly clock: Clock;
  readonly objects: ObjectStore;
  readonly secrets: SecretStore;
  /** Where user code's log lines go besides the job's record. */
  readonly log: Logger;
}

export interface SecretStore {
  /** @throws Error naming the secret when there is none, or this stage may not read it */
  get(name: string): Promise<Readonly<Record<string, string>>>;
}

export interface Worked {
  readonly outputs: readonly CheckedOutput[];
  readonly log: readonly LogLine[];
}

/** Runs one attempt. It is done when its outputs are complete and checked; a failure carries the log so far. */
export type Work = (attempt: Attempt, dependencies: WorkDependencies) => Promise<Worked>;

/** A failed attempt's log is as interesting as a good one's. */
export class WorkFailed extends Error {
  override readonly name = "WorkFailed";
  readonly log: readonly LogLine[];

  constructor(cause: unknown, log: readonly LogLine[]) {
    super("the work failed", { cause });
    this.log = log;
  }
}

/** The work of a stage that is written in TypeScript. */
export const handlerWork =
  (definition: StageDefinition): Work =>
  async (attempt, dependencies) => {
    const { token, timeoutMs, routing } = attempt;
    const lines = jobLog(attempt, dependencies);
    const emitted: Output[] = [];
    const deadline = dependencies.clock.now() + timeoutMs;
    const stopped = new AbortController();
    const cancelTimer = dependencies.clock.schedule(deadline, () =>
      stopped.abort(new StageFailure("timeout", `the stage took longer than ${timeoutMs / 1000} s`)),
    );
    const context = contextOf(attempt, dependencies, {
      signal: stopped.signal,
      deadline,
      emitted,
      log: lines.log,
    });
    try {
      const outputs = await untilAborted(
        worked(definition, token, context).then((answered) =>
          Promise.all(
            [...emitted, ...answered].map((output) => checkOutput(output, definition.output, routing)),
          ),
        ),
        stopped.signal,
      );
      return { outputs, log: lines.kept() };
    } catch (error) {
      throw new WorkFailed(error, lines.kept());
    } finally {
      cancelTimer();
      // Whatever user code still does with its context comes to nothing from here on.
      stopped.abort(new Error("this attempt is over"));
    }
  };

async function worked(definition: StageDefinition, token: Token, context: StageContext): Promise<Output[]> {
  const data = definition.input
    ? await checkSchema(token.data, definition.input, "input-invalid")
    : token.data;
  const answer = await definition.run({ ...token, data }, context);
  if (answer === undefined || answer === null) return [];
  if (Array.isArray(answer)) return answer as Output[];
  if (!isAsyncIterable(answer)) return [answer as Output];
  const outputs: Output[] = [];
  for await (const output of answer) {
    context.signal.throwIfAborted();
    outputs.push(output);
  }
  return outputs;
}

/** User code may answer anything, whatever the types say. */
const isAsyncIterable = (answer: unknown): answer is AsyncIterable<Output> =>
  typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject);
  });
}

interface Life {
  readonly signal: AbortSignal;
  readonly deadline: number;
  readonly emitted: Output[];
  readonly log: Log;
}

function contextOf(
  attempt: Attempt,
  { clock, objects, secrets }: WorkDependencies,
  life: Life,
): StageContext {
  const { signal } = life;
  const needed = (object: ObjectRef | undefined): ObjectRef => {
    signal.throwIfAborted();
    if (object) return object;
    throw new StageFailure(
      "input-invalid",
      "the stage reads an object, but the token has none at that place",
    );
  };
  const keyBelow = (prefix: string, name: string): string => {
    signal.throwIfAborted();
    const defect = nameDefect(name);
    if (defect !== undefined) throw new Error(defect);
    return prefix + name;
  };
  return {
    idempotencyKey: attempt.job,
    signal,
    remainingMs: () => Math.max(0, life.deadline - clock.now()),
    log: life.log,
    emit: (output) => {
      signal.throwIfAborted();
      life.emitted.push(output);
    },
    read: async (object) => objects.read(needed(object)),
    bytes: async (object) => readBytes(objects, needed(object)),
    text: async (object) => decodeUtf8(await readBytes(objects, needed(object)), object),
    write: async (name, body) => {
      if (name.startsWith("_"))
        throw new Error(`"${name}" cannot be an object's name: "_" begins names of our own`);
      return objects.put(keyBelow(attempt.prefix, name), body);
    },
    publish: async (name, body) => objects.putNew(keyBelow(attempt.resultPrefix, name), body, attempt.job),
    secret: async (name) => secrets.get(name),
  };
}

function decodeUtf8(bytes: Buffer, object: ObjectRef | undefined): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new StageFailure("rejected", `the object ${object?.key ?? ""} is not valid UTF-8`, { cause });
  }
}

const KEPT_LINES = 20;
const KEPT_LENGTH = 200;

/** The token log: the last lines stay on the job's row, all of them go to the function's log. */
export function jobLog(
  { job, token }: Attempt,
  { clock, log }: WorkDependencies,
): { log: Log; kept(): LogLine[] } {
  const lines: LogLine[] = [];
  const write = (level: LogLevel) => (message: string) => {
    const text = String(message);
    // A chatty debug log must not push out what matters.
    if (level !== "debug")
      lines.push({ at: isoTime(clock.now()), level, message: excerpt(text, KEPT_LENGTH) });
    if (lines.length > KEPT_LINES) lines.shift();
    log(level, text, { job, token: token.id, attempt: token.attempt });
  };
  return {
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    kept: () => [...lines],
  };
}
