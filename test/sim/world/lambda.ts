import { type CauseOfDeath, Sandbox } from "./sandbox.ts";
import type { World } from "./world.ts";

export interface InvocationContext {
  /** Negative, when the sandbox stood still for longer than it was given. */
  readonly getRemainingTimeInMillis: () => number;
}

export type Handler<Event, Answer> = (event: Event, context: InvocationContext) => Promise<Answer>;

export interface FunctionSettings<Event, Answer> {
  readonly name: string;
  readonly timeoutMs: number;
  /** See {@link Sandbox.fragility}. */
  readonly fragility?: number;
  /** What the function's module does when it is loaded: clients are made here, and live as long as the sandbox. */
  start(sandbox: Sandbox): Handler<Event, Answer>;
}

export type Ending<Answer> =
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly error: Error }
  | { readonly kind: "died"; readonly cause: CauseOfDeath };

/** What is told of each invocation. */
export interface InvocationObserver<Event> {
  began(sandbox: Sandbox, event: Event): void;
  ended(sandbox: Sandbox, ending: Ending<unknown>): void;
  /** It stands still, and its time is over: it is dead to the world, and does not know. */
  overdue?(sandbox: Sandbox): void;
}

/** Most invocations take about so long: what is killed within it is in the middle of something. */
const MOMENT_MS = 200;

interface Instance<Event, Answer> {
  readonly sandbox: Sandbox;
  readonly handler: Handler<Event, Answer>;
}

/**
 * A Lambda function: sandboxes that are started when they are needed, hold one invocation each, are frozen between
 * invocations and die when one takes too long.
 */
export class LambdaFunction<Event, Answer> {
  readonly #settings: FunctionSettings<Event, Answer>;
  readonly #world: World;
  readonly #observer: InvocationObserver<Event> | undefined;
  #idle: Instance<Event, Answer>[] = [];
  #started = 0;

  constructor(settings: FunctionSettings<Event, Answer>, world: World, observer?: InvocationObserver<Event>) {
    this.#settings = settings;
    this.#world = world;
    this.#observer = observer;
  }

  /** @param ended told once, however the invocation ends */
  invoke(event: Event, ended: (ending: Ending<Answer>) => void): void {
    const { timeline, faults, prng, log } = this.#world;
    const { sandbox, handler } = this.#instance();
    const deadline = timeline.now() + this.#settings.timeoutMs;
    let isOver = false;
    let cancelWatchdog = (): void => {};
    const end = (ending: Ending<Answer>): void => {
      if (isOver) return;
      isOver = true;
      cancelWatchdog();
      cancelDoom?.();
      sandbox.onDeath = undefined;
      log.write(timeline.now(), sandbox.name, `ends: ${told(ending)}`);
      this.#observer?.ended(sandbox, ending);
      if (ending.kind !== "died") this.#keep({ sandbox, handler });
      ended(ending);
    };
    const watch = (at: number): void => {
      cancelWatchdog = timeline.schedule(at, () => {
        // Whoever stands still is not counted down either: it wakes, and has a moment to do harm.
        if (sandbox.stoppedUntil < timeline.now()) return sandbox.kill("timeout");
        this.#observer?.overdue?.(sandbox);
        watch(sandbox.stoppedUntil + this.#world.prng.below(2000));
      });
    };
    sandbox.requests = 0;
    sandbox.warnings = [];
    sandbox.onDeath = (cause) => end({ kind: "died", cause });
    watch(deadline);
    this.#observer?.began(sandbox, event);
    const isDoomed = faults.strikes("killed", sandbox.fragility);
    const cancelDoom = isDoomed
      ? timeline.after(prng.below(MOMENT_MS), () => sandbox.kill("crash"))
      : undefined;
    sandbox.enter(() => {
      if (faults.strikes("crash-idle")) return sandbox.kill("crash");
      const context = { getRemainingTimeInMillis: () => deadline - timeline.now() };
      handler(event, context).then(
        (answer) => end({ kind: "answered", answer }),
        (error: Error) => end({ kind: "failed", error }),
      );
    });
  }

  #instance(): Instance<Event, Answer> {
    const idle = this.#idle.pop();
    if (idle) {
      idle.sandbox.thaw();
      return idle;
    }
    this.#started += 1;
    const { name, fragility, start } = this.#settings;
    const sandbox = new Sandbox(`${name}#${this.#started}`, this.#world.timeline, fragility);
    sandbox.onResumed = () => this.#world.probes.reach("thawed");
    return { sandbox, handler: start(sandbox) };
  }

  #keep(instance: Instance<Event, Answer>): void {
    if (this.#world.faults.strikes("recycled")) {
      instance.sandbox.kill("recycled");
      return;
    }
    instance.sandbox.freeze();
    this.#idle.push(instance);
  }
}

/** Characters of an answer that a log line shows. */
const SHOWN = 200;

function told(ending: Ending<unknown>): string {
  if (ending.kind === "died") return `died by ${ending.cause}`;
  return ending.kind === "failed"
    ? `failed: ${ending.error.message}`
    : `answered ${JSON.stringify(ending.answer).slice(0, SHOWN)}`;
}
