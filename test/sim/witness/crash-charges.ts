import type { Sandbox } from "../world/sandbox.ts";

interface Invocation {
  /** Ids. */
  readonly messages: ReadonlySet<string>;
  /** Lost when it died, or outlived its time. */
  state: "running" | "lost" | "answered";
  readonly startedAt: number;
}

/**
 * Who began an attempt alone, and whether anything has happened to them since: only then a crash may be charged to the
 * token.
 */
export class CrashCharges {
  readonly #running = new Map<string, Invocation>();
  /** Also when it is over: a request of it may still be on its way. */
  readonly #latest = new Map<string, Invocation>();
  /** By job and attempt; undefined when the invocation was over and only its request was still on its way. */
  readonly #beginners = new Map<string, Invocation | undefined>();

  began({ name, clock }: Sandbox, messages: Iterable<string>): void {
    const invocation: Invocation = {
      messages: new Set(messages),
      state: "running",
      startedAt: clock.now(),
    };
    this.#running.set(name, invocation);
    this.#latest.set(name, invocation);
  }

  /** It died, or stands still beyond its time: whatever it still does, it does as a dead one. */
  lost({ name }: Sandbox): void {
    const invocation = this.#running.get(name);
    if (invocation) invocation.state = "lost";
  }

  ended({ name, warnings }: Sandbox): void {
    const invocation = this.#running.get(name);
    // Whoever could not take back what it had begun is as good as dead.
    const isLost = warnings.some((warning) => warning.startsWith("an attempt was not taken back"));
    if (invocation?.state === "running") invocation.state = isLost ? "lost" : "answered";
    this.#running.delete(name);
  }

  begun({ name }: Sandbox, job: string, attempt: number, at: string): void {
    const running = this.#running.get(name);
    const isOwn = running !== undefined && running.startedAt <= Date.parse(at);
    this.#beginners.set(`${job} ${attempt}`, isOwn ? running : undefined);
  }

  isJust({ name }: Sandbox, job: string, attempt: number): boolean {
    const key = `${job} ${attempt}`;
    const beginner = this.#beginners.get(key);
    if (!beginner) return this.#beginners.has(key);
    if (beginner.state !== "running") return beginner.state === "lost";
    // A queue that delivers one message a second time says that its holder is dead, and may be wrong.
    const held = [...(this.#latest.get(name)?.messages ?? [])];
    return held.some((message) => beginner.messages.has(message));
  }
}
