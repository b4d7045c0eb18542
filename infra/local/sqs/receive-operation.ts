import { invalidValue, notForThisQueueType, SqsError } from "./errors.ts";
import { type Input, optionalInteger, optionalText } from "./input.ts";
import { LONGEST_CLAIM, limits, SECOND } from "./limits.ts";
import type { Message } from "./message.ts";
import { type Operation, queueOf, type Service } from "./operation.ts";
import type { Queue } from "./queue.ts";
import { receivedMessage, receiveView, type View } from "./received-message.ts";

/** What a receive asks for. */
interface Receive {
  readonly queue: Queue;
  readonly most: number;
  /** Milliseconds. */
  readonly visibility: number;
  readonly waitSeconds: number;
  /** FIFO queues only. */
  readonly attemptId: string | undefined;
  readonly view: View;
}

/** Answers when the first messages come or the time to wait is over. */
export const receiveMessage: Operation = async (service, input, caller) => {
  const receive = receiveOf(queueOf(service, input), input);
  refuseIfOverLimit(service, receive);
  const Messages = await service.receivers.receive(receive.queue, {
    seconds: receive.waitSeconds,
    attempt: () => repeat(service, receive) ?? attempt(service, receive),
    isGone: () => caller.isGone(),
    onGone: (left) => caller.onGone(left),
  });
  return { Messages };
};

function receiveOf(queue: Queue, input: Input): Receive {
  const seconds = optionalInteger(input, "VisibilityTimeout", limits.visibilitySeconds);
  const attemptId = optionalText(input, "ReceiveRequestAttemptId");
  if (attemptId !== undefined && !queue.fifo) {
    throw invalidValue("ReceiveRequestAttemptId", attemptId, notForThisQueueType);
  }
  return {
    queue,
    most: optionalInteger(input, "MaxNumberOfMessages", limits.messagesPerReceive) ?? 1,
    visibility: seconds === undefined ? queue.settings.visibility : seconds * SECOND,
    waitSeconds: optionalInteger(input, "WaitTimeSeconds", limits.waitSeconds) ?? queue.settings.waitSeconds,
    attemptId,
    view: receiveView(input),
  };
}

/** A short poll learns that too many messages are in flight. A long poll, and any on a FIFO queue, finds no message. */
function refuseIfOverLimit({ broker }: Service, { queue, waitSeconds }: Receive): void {
  if (queue.fifo || waitSeconds > 0 || !broker.isFull(queue)) return;
  throw new SqsError(
    "OverLimit",
    "Too many messages in flight: delete some, or let them become visible again.",
  );
}

/** What an earlier receive with the same attempt id got; its visibility timeout starts anew, within the 12 hours. */
function repeat({ broker, attempts }: Service, receive: Receive): object[] | undefined {
  const { queue, attemptId, visibility } = receive;
  if (attemptId === undefined) return undefined;
  const now = broker.now();
  queue.advance(now);
  const messages = attempts.recall(queue, attemptId, now);
  if (!messages) return undefined;
  for (const { content, delivery } of messages) {
    const until = Math.min(now + visibility, delivery.receivedAt + LONGEST_CLAIM);
    broker.commit({ do: "hide", at: now, queue: queue.name, until, number: content.number });
  }
  attempts.remember(queue, attemptId, messages, now);
  return shown(receive, messages);
}

/** The messages received, as the caller sees them; undefined if there is none. */
function attempt({ broker, attempts }: Service, receive: Receive): object[] | undefined {
  const { queue, most, visibility, attemptId } = receive;
  const messages = broker.receive(queue, most, visibility);
  if (messages.length === 0) return undefined;
  if (attemptId !== undefined) attempts.remember(queue, attemptId, messages, broker.now());
  return shown(receive, messages);
}

const shown = ({ queue, view }: Receive, messages: readonly Message[]): object[] =>
  messages.map((message) => receivedMessage(queue, message, view));
