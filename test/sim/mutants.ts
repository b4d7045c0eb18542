import type { SourceChange } from "./changed-source.ts";

/** A planted bug. The simulation is worth what it finds of them. */
export interface Mutant extends SourceChange {
  readonly name: string;
  readonly what: string;
}

/** Nothing holds or fails by this name. */
const NOWHERE = "nowhere";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "acknowledge-before-emit",
    what: "a token is done with while its messages are still being sent",
    file: "lib/stage/trial.ts",
    find: "  await emit(\n    { job, commit: own",
    replace: "  void emit(\n    { job, commit: own",
  },
  {
    name: "random-output-ids",
    what: "a token gets another id each time it is sent",
    file: "lib/stage/emission.ts",
    find: "childTokenId(job.id, edge, index)",
    replace: "childTokenId(job.id, edge, index + now())",
  },
  {
    name: "commit-without-condition",
    what: "a later attempt's commit takes the place of the first",
    file: "lib/job/store.aws.ts",
    find: "condition: OPEN,",
    replace: `condition: "attribute_not_exists(${NOWHERE})",`,
  },
  {
    name: "loser-drops",
    what: "whoever loses against another's commit takes the messages for sent",
    file: "lib/stage/trial.ts",
    find: "if (lost) return seeThrough(lost, trial, light, dependencies);",
    replace: "if (lost) return true;",
  },
  {
    name: "loser-sends-its-own",
    what: "whoever loses against another's commit sends its own outputs",
    file: "lib/stage/trial.ts",
    find: "if (lost) return seeThrough(lost, trial, light, dependencies);",
    replace: "void lost;",
  },
  {
    name: "fixed-output-keys",
    what: "all attempts store their outputs under the same keys",
    file: "lib/stage/trial.ts",
    find: "attemptPrefix(job.pipeline, job.stage, job.token, attemptId)",
    replace: 'attemptPrefix(job.pipeline, job.stage, job.token, "attempt")',
  },
  {
    name: "no-drain",
    what: "nobody consumes the dead-letter queues of the edges",
    file: "test/sim/scenario/deployment.ts",
    find: "consume(edge.queue.dead.name, DEAD_BATCH, target);",
    replace: "void DEAD_BATCH;",
  },
  {
    name: "partial-failures-ignored",
    what: "what SendMessageBatch refuses is taken for sent",
    file: "lib/queue/sqs.aws.ts",
    find: "for (const { Id } of Successful) batch[Number(Id)]?.resolve();",
    replace:
      "for (const message of batch) message.resolve();\n    if (Successful.length < batch.length) return [];",
  },
  {
    name: "emit-before-commit",
    what: "messages are sent before it is decided whose outputs count",
    file: "lib/stage/trial.ts",
    find: "const lost = await dependencies.jobs.commit(job, {",
    replace:
      "await emit({ job, commit: own, hops: envelope.hops, resend: false, sent: 0 } as never, pipeline, sending(dependencies));\n  const lost = await dependencies.jobs.commit(job, {",
  },
  {
    name: "noted-before-sent",
    what: "outputs are noted as sent before they are",
    file: "lib/stage/emission.ts",
    find: "await noteSent(job, start + CHUNK, dependencies);",
    replace: "await noteSent(job, start + CHUNK + 1, dependencies);",
  },
  {
    name: "old-message-dropped",
    what: "a message that is getting old goes without another in its place",
    file: "lib/stage/receive.ts",
    find: "  await sender.send(edge.queue.name, encodeEnvelope({ ...envelope, enqueuedAt: now, resend: true }));",
    replace: "  void [sender, edge, encodeEnvelope];",
  },
  {
    name: "row-not-read",
    what: "a message that comes again is worked without a look at its row",
    file: "lib/stage/light.ts",
    find: "const row = isKnown ?",
    replace: "const row = (isKnown as unknown) === NaN ?",
  },
  {
    name: "failures-acknowledged",
    what: "messages that are not done with are deleted",
    file: "lib/stage/light.ts",
    find: "      unsettled.push(delivery.messageId);\n    } catch",
    replace: "    } catch",
  },
  {
    name: "park-without-condition",
    what: "a job goes into the error bucket whatever has become of it",
    file: "lib/job/store.aws.ts",
    find: "job.edge, at, job.id),\n        },\n        append: failed.history,\n        condition:",
    replace: `job.edge, at, job.id),\n        },\n        append: failed.history,\n        condition: "attribute_not_exists(${NOWHERE})" ||`,
  },
  {
    name: "overtaken-attempts-count",
    what: "the failure of an attempt that was overtaken is written over what came after it",
    file: "lib/job/store.aws.ts",
    find: '"(attribute_not_exists(attempt) OR attempt < :attempt)"',
    replace: `"attribute_not_exists(${NOWHERE})"`,
  },
  {
    name: "retry-leaves-before-sending",
    what: "a job leaves the error bucket before its message is sent",
    file: "lib/job/error-bucket.ts",
    find: "  await sender.send(queue.name, encodeEnvelope(envelope));\n  await store.leaveBucket(row, opening);",
    replace:
      "  await store.leaveBucket(row, opening);\n  await sender.send(queue.name, encodeEnvelope(envelope));",
  },
  {
    name: "leaving-is-not-fenced",
    what: "a retry that is late takes a job out of the bucket that the next retry has only just opened",
    file: "lib/job/store.aws.ts",
    find: '"attribute_not_exists(reason) AND retries = :opening"',
    replace: '"attribute_not_exists(reason) AND retries >= :opening"',
  },
  {
    name: "leaving-is-unconditional",
    what: "a job leaves the index of the error bucket although it has failed again",
    file: "lib/job/store.aws.ts",
    find: '"attribute_not_exists(reason) AND retries = :opening"',
    replace: '"retries = :opening"',
  },
  {
    name: "commit-leaves-the-bucket",
    what: "a commit takes a job out of the bucket whose retry has not sent anything yet",
    file: "lib/job/store.aws.ts",
    find: "append: finished.history,",
    replace: 'append: finished.history,\n        remove: ["dead", "deadAt", "body"],',
  },
  {
    name: "attempts-not-forgiven",
    what: "a job that was taken out of the error bucket has no attempts left",
    file: "lib/job/store.aws.ts",
    find: "attemptsForgiven: row.attempt,",
    replace: "attemptsForgiven: 0,",
  },
  {
    name: "attempts-not-counted",
    what: "a failed attempt leaves no trace",
    file: "lib/stage/trial.ts",
    find: ": await dependencies.jobs.noteRetry(job, failed);",
    replace: ": undefined;",
  },
  {
    name: "crashes-not-counted",
    what: "an attempt that was begun and never ended is not counted",
    file: "lib/stage/attempt.ts",
    find: "if (died && died.tries >= edge.maxAttempts) {",
    replace: "if (died && died.tries < 0) {",
  },
  {
    name: "beginnings-not-taken-back",
    what: "an attempt that a service put an end to is taken for a crash",
    file: "lib/stage/attempt.ts",
    find: "    await takeBack(job, by, dependencies);",
    replace: "    void takeBack;",
  },
  {
    name: "living-taken-for-dead",
    what: "an attempt that another copy's function is working on is taken for a crash",
    file: "lib/stage/attempt.ts",
    find: "isBegun(row) && row.begunFor !== messageId",
    replace: 'isBegun(row) && row.begunFor === NOBODY + messageId;\nconst NOBODY = "nobody"',
  },
  {
    name: "crash-noted-twice",
    what: "an attempt is said to have ended by one who has not seen that it had ended",
    file: "lib/stage/attempt.ts",
    find: "endedBefore: row?.attempt ?? 0,",
    replace: "endedBefore: ended,",
  },
  {
    name: "known-arrivals-not-sent",
    what: "a token is only sent by whoever recorded its arrival",
    file: "lib/intake/intake.ts",
    find: "  await sender.send(edge.queue.name,",
    replace: "  if (isNew) await sender.send(edge.queue.name,",
  },
  {
    name: "intake-acknowledges-failures",
    what: "what could not be taken in is deleted",
    file: "lib/intake/intake.ts",
    find: "return [message.messageId];",
    replace: "return [];",
  },
  {
    name: "stray-body-dropped",
    what: "a message that is no token goes to the error bucket without what it said",
    file: "lib/job/stray.ts",
    find: "body: excerpt(message.body, KEPT_BODY),",
    replace: 'body: "",',
  },
  {
    name: "own-result-is-anothers",
    what: "a result that an earlier attempt published is taken for somebody else's",
    file: "lib/token/objects.aws.ts",
    find: "existed: found.owner !== owner",
    replace: "existed: true",
  },
];
