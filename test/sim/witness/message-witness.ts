import { isDeepStrictEqual } from "node:util";
import { edgeOf } from "../../../lib/plan/find.ts";
import { type Envelope, isSpilled } from "../../../lib/token/envelope.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import type { Message, QueueObserver } from "../services/queues.ts";
import type { World } from "../world/world.ts";
import type { CrashPoints } from "./crash-points.ts";
import type { Custody } from "./custody.ts";
import { enteringBy, envelopeIn, isIntake, jobOfMessage } from "./messages.ts";
import { isSettled, jobIdOf, short, type TokenTruth, type Truth } from "./truth.ts";

/** Sees every message that a queue takes, and every one that is deleted. */
export class MessageWitness implements QueueObserver {
  readonly #world: World;
  readonly #truth: Truth;
  readonly #crashPoints: CrashPoints;
  /** Set as soon as the queues are there, which are made with this observer. */
  custody: Custody | undefined;

  constructor(world: World, truth: Truth, crashPoints: CrashPoints) {
    this.#world = world;
    this.#truth = truth;
    this.#crashPoints = crashPoints;
  }

  accepted(queue: string, { body }: Message): void {
    this.#world.probes.noteSent(body);
    if (isIntake(queue)) {
      for (const { token: id, edge } of enteringBy(body))
        this.#truth.expect({ id, edge, run: id, parent: undefined, place: 0, payload: undefined });
      return;
    }
    // What was put in by hand is nobody's word.
    if (!this.#world.acting) return;
    const envelope = envelopeIn(body);
    const token = envelope && this.#truth.tokens.get(envelope.id);
    if (!envelope || !token) {
      const shown = body.slice(0, 200);
      this.#truth.violate(`a message was sent to ${queue} that no commit and no arrival allows: ${shown}`);
      return;
    }
    this.#check(queue, envelope, token);
    token.isSent = true;
    token.sentAt = this.#world.timeline.now();
    this.#noteSending(envelope, token);
    this.#noteRetry(token);
  }

  #check(queue: string, envelope: Envelope, token: TokenTruth): void {
    const what = `the token ${short(token.id)} was sent`;
    const isRight =
      envelope.edge === token.edge &&
      envelope.run === token.run &&
      envelope.parent === token.parent &&
      queue === edgeOf(PIPELINE, token.edge).queue.name;
    if (!isRight) this.#truth.violate(`${what} with a wrong address`);
    if (token.payload !== undefined && !isDeepStrictEqual(token.payload, envelope.payload))
      this.#truth.violate(`${what} with a payload that was not committed`);
    if (token.parent === undefined && !this.#truth.arrivals.has(token.id))
      this.#truth.violate(`${what} before its arrival was on record`);
  }

  #noteSending({ resend, payload }: Envelope, { parent }: TokenTruth): void {
    const { probes, acting } = this.#world;
    if (parent === undefined) {
      probes.reachIf(isSpilled(payload), "spilled-arrival");
      probes.reachIf(resend === true && acting?.name.startsWith("ingest") === true, "arrival-known");
      return;
    }
    const { committed, sent = 0 } = this.#truth.job(parent).row ?? {};
    probes.reachIf(isSpilled(payload), "spilled-payload");
    probes.reachIf(resend === true && committed?.manifest !== undefined, "spilled-manifest-resent");
    probes.reachIf(resend === true && sent > 0, "sending-resumed");
    probes.reachIf(this.#truth.losers.has(`${acting?.name} ${parent}`), "L8-loser-emits");
  }

  /** Only a retry sends by the API. */
  #noteRetry(token: TokenTruth): void {
    const { probes, acting } = this.#world;
    if (!acting?.name.startsWith("api")) return;
    const job = jobIdOf(token);
    const { openedBy } = this.#truth.job(job);
    probes.reachIf(openedBy !== undefined && openedBy !== acting.name, "retry-finished-by-another");
    this.#crashPoints.retried(acting, job, "sent");
  }

  deleted(queue: string, message: Message): void {
    const entering = isIntake(queue) ? enteringBy(message.body) : [];
    for (const { token } of entering)
      if (!this.#truth.tokens.get(token)?.isSent)
        this.#truth.violate(`the intake let ${short(token)} go before it was in its queue`);
    const id = jobOfMessage(queue, message);
    // Of the intake's messages, only strays stand for a job; from some, as that of an empty folder, nothing comes.
    if (!isIntake(queue) || this.#truth.strays.has(id)) this.#checkDone(id, queue, message);
  }

  #checkDone(id: string, queue: string, message: Message): void {
    const job = this.#truth.job(id);
    const { row, children, settledUntil } = job;
    this.custody?.check(id);
    const sentAt = this.#truth.tokens.get(envelopeIn(message.body)?.id ?? "")?.sentAt ?? -1;
    const isSentAfresh = sentAt >= message.receivedAt;
    this.#world.probes.reachIf(isSentAfresh && !isSettled(job), "sent-afresh");
    if (!isSettled(job) && !isSentAfresh && settledUntil < message.receivedAt) {
      const state = `${row?.state ?? "not on record"}${children ? ", its outputs not all sent" : ""}`;
      this.#truth.violate(`the message of job ${short(id)} was deleted from ${queue}; the job is ${state}`);
    }
    const wasKept = this.#world.probes.wasDeleteLost(message.id);
    this.#world.probes.reachIf(children !== undefined && wasKept, "L7-not-deleted");
  }
}
