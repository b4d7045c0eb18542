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
      for (const { token, edge } of enteringBy(body))
        this.#truth.expect({ id: token, edge, run: token, parent: undefined, place: 0, payload: undefined });
      return;
    }
    // What was put in by hand is nobody's word.
    if (!this.#world.acting) return;
    const envelope = envelopeIn(body);
    const token = envelope && this.#truth.tokens.get(envelope.id);
    if (!envelope || !token) {
      this.#truth.violate(
        `a message was sent to ${queue} that no commit and no arrival allows: ${body.slice(0, 200)}`,
      );
      return;
    }
    this.#check(queue, envelope, token);
    token.isSent = true;
    this.#note(envelope, token);
  }

  #check(queue: string, envelope: Envelope, token: TokenTruth): void {
    const isRight =
      envelope.edge === token.edge &&
      envelope.run === token.run &&
      envelope.parent === token.parent &&
      queue === edgeOf(PIPELINE, token.edge).queue.name;
    if (!isRight) this.#truth.violate(`the token ${short(token.id)} was sent with a wrong address`);
    if (token.payload !== undefined && !isDeepStrictEqual(token.payload, envelope.payload))
      this.#truth.violate(`the token ${short(token.id)} was sent with a payload that was not committed`);
    if (token.parent === undefined && !this.#truth.arrivals.has(token.id))
      this.#truth.violate(`the token ${short(token.id)} was sent before its arrival was on record`);
  }

  #note({ resend, payload }: Envelope, { id, parent, edge }: TokenTruth): void {
    const { probes, acting } = this.#world;
    const sender = parent === undefined ? undefined : this.#truth.job(parent).row;
    const manifest = sender?.committed?.manifest;
    probes.reachIf(isSpilled(payload), parent === undefined ? "spilled-arrival" : "spilled-payload");
    probes.reachIf(resend === true && manifest !== undefined, "spilled-manifest-resent");
    probes.reachIf(resend === true && (sender?.sent ?? 0) > 0, "sending-resumed");
    probes.reachIf(
      resend === true && parent === undefined && acting?.name.startsWith("ingest") === true,
      "arrival-known",
    );
    probes.reachIf(this.#truth.losers.has(`${acting?.name} ${parent}`), "L8-loser-emits");
    if (!acting?.name.startsWith("api")) return;
    const job = jobIdOf({ id, edge });
    const opener = this.#truth.job(job).openedBy;
    probes.reachIf(opener !== undefined && opener !== acting.name, "retry-finished-by-another");
    this.#crashPoints.retried(acting, job, "sent");
  }

  deleted(queue: string, message: Message): void {
    if (isIntake(queue)) {
      for (const { token } of enteringBy(message.body))
        if (!this.#truth.tokens.get(token)?.isSent)
          this.#truth.violate(`the intake let ${short(token)} go before it was in its queue`);
      if (this.#truth.strays.size === 0 || enteringBy(message.body).length > 0) return;
    }
    const id = jobOfMessage(queue, message);
    if (isIntake(queue) && !this.#truth.strays.has(id)) return;
    const job = this.#truth.job(id);
    this.custody?.check(id);
    if (!isSettled(job) && job.settledUntil < message.receivedAt)
      this.#truth.violate(
        `the message of job ${short(id)} was deleted from ${queue}, and the job is ${job.row?.state ?? "not on record"}` +
          (job.children ? ", its outputs not all sent" : ""),
      );
    this.#world.probes.reachIf(
      job.children !== undefined && this.#world.probes.wasDeleteLost(message.id),
      "L7-not-deleted",
    );
  }
}
