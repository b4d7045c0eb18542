import { isDeadQueue } from "../../../lib/plan/names.ts";
import { deliveriesOf } from "../../../lib/queue/delivery.ts";
import type { Promises } from "../scenario/traffic.ts";
import type { BucketObserver, StoredObject } from "../services/bucket.ts";
import type { MessagesEvent } from "../world/event-source.ts";
import type { Ending, InvocationObserver } from "../world/lambda.ts";
import type { Sandbox } from "../world/sandbox.ts";
import type { World } from "../world/world.ts";
import type { CrashPoints } from "./crash-points.ts";
import { isIntake, jobOfMessage, strayJobOf } from "./messages.ts";
import { isSettled, type Truth } from "./truth.ts";

/** Sees the objects that are stored. What a commit refers to stays as it is. */
export const objectWitness = (world: World, truth: Truth, crashPoints: CrashPoints): BucketObserver => ({
  stored({ key, etag }: StoredObject): void {
    if (world.acting) crashPoints.stored(world.acting, key);
    const referenced = truth.referenced.get(key);
    if (referenced !== undefined && referenced !== etag)
      truth.violate(`an object that a commit refers to was overwritten: ${key}`);
  },
});

/** Sees the invocations of functions that work on messages. */
export const invocationWitness = (
  { probes }: World,
  truth: Truth,
  crashPoints: CrashPoints,
): InvocationObserver<MessagesEvent> => ({
  began(sandbox: Sandbox, event: MessagesEvent): void {
    const deliveries = deliveriesOf(event);
    crashPoints.began(
      sandbox,
      deliveries.map(({ messageId: id, body, queue }) => ({ id, body, queue })),
    );
    for (const { messageId: id, body, queue, receiveCount } of deliveries) {
      if (isIntake(queue)) continue;
      const job = truth.job(jobOfMessage(queue, { id, body }));
      probes.reachIf(receiveCount === 1 && isSettled(job), "duplicate-of-done");
      if (!isDeadQueue(queue)) continue;
      job.deadDeliveries += 1;
      probes.reachIf(job.children !== undefined && !isSettled(job), "redriven-unemitted");
    }
  },
  ended(sandbox: Sandbox, ending: Ending<unknown>): void {
    if (ending.kind === "died") crashPoints.died(sandbox, ending.cause);
    if (ending.kind === "failed") truth.violate(`${sandbox.name} failed: ${ending.error.message}`);
  },
});

/** Keeps what the world outside has been promised. */
export const promisesTo = (truth: Truth): Promises => ({
  accepted: (token) => truth.promised.add(token),
  stray: (queue, messageId, body) => truth.strays.set(strayJobOf(queue, messageId), body),
});
