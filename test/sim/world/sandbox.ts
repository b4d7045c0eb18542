import type { Clock } from "../../../lib/clock.ts";
import type { Timeline } from "./timeline.ts";

export type CauseOfDeath = "crash" | "timeout" | "poison" | "recycled";

/**
 * One execution environment of a function: the process that a handler lives in. Everything that happens to its code
 * (answers, timers) comes in through {@link Sandbox.enter}. A dead one never goes on; a frozen one goes on with the next
 * invocation, as Lambda's do (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html); a stopped one goes
 * on later than it believes, and may find the world changed.
 */
export class Sandbox {
  readonly name: string;
  /** How much more often its requests meet with a fault than others' do. */
  readonly fragility: number;
  /** Its view of time. */
  readonly clock: Clock;
  readonly #timeline: Timeline;
  #state: "running" | "frozen" | "dead" = "running";
  #stoppedUntil = 0;
  #backlog: (() => void)[] = [];
  /** Requests that its current invocation has sent. */
  requests = 0;
  /** What its current invocation has warned of. */
  warnings: string[] = [];
  /** Told of the sandbox's death, once. */
  onDeath: ((cause: CauseOfDeath) => void) | undefined;
  /** Told when something goes on that an earlier invocation left behind. */
  onResumed: (() => void) | undefined;

  constructor(name: string, timeline: Timeline, fragility = 1) {
    this.name = name;
    this.fragility = fragility;
    this.#timeline = timeline;
    this.clock = {
      now: () => timeline.now(),
      schedule: (at, task) => {
        let isCancelled = false;
        const cancel = timeline.schedule(at, () =>
          this.enter(() => {
            if (!isCancelled) task();
          }),
        );
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  /** When a stopped sandbox goes on; in the past for one that is not stopped. */
  get stoppedUntil(): number {
    return this.#stoppedUntil;
  }

  /** Runs a piece of the sandbox's code, as soon as it may run; never, when it is dead. */
  enter(task: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "frozen") {
      this.#backlog.push(task);
      return;
    }
    if (this.#stoppedUntil > this.#timeline.now()) {
      this.#timeline.schedule(this.#stoppedUntil, () => this.enter(task));
      return;
    }
    task();
  }

  freeze(): void {
    if (this.#state === "running") this.#state = "frozen";
  }

  thaw(): void {
    if (this.#state !== "frozen") return;
    this.#state = "running";
    const backlog = this.#backlog;
    this.#backlog = [];
    if (backlog.length > 0) this.onResumed?.();
    for (const task of backlog) this.#timeline.after(0, () => this.enter(task));
  }

  /** Everything in it stands still for so long, as a machine that is put to sleep. */
  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#timeline.now() + ms);
  }

  kill(cause: CauseOfDeath): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#backlog = [];
    this.onDeath?.(cause);
  }
}
