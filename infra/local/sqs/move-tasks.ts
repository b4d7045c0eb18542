import { randomUUID } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { Broker } from "./broker.ts";
import { invalidParameter, SqsError } from "./errors.ts";
import { SECOND } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Queue } from "./queue.ts";
import { queueArn } from "./queue-names.ts";
import type { MoveTask } from "./records.ts";
import { parseTaskHandle, taskHandle } from "./task-handle.ts";

export interface MoveTaskRequest {
  readonly sourceArn: string;
  readonly destinationArn?: string;
  readonly messagesPerSecond?: number;
}

/** Without a given rate, so many messages are moved before other work gets its turn. */
const MOVES_AT_A_TIME = 100;

const notFound = (parameter: string): SqsError =>
  new SqsError(
    "ResourceNotFoundException",
    `The resource that you specified for the ${parameter} parameter doesn't exist.`,
  );

/**
 * Message move tasks: the way of messages from a dead-letter queue back to where they came from, or elsewhere. A task moves
 * as many messages as were visible when it started; each arrives as a new message with a new id and a new retention period.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
export class MoveTasks {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #cancelStep = new Map<string, () => void>();

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  /**
   * @returns the handle of the task
   * @throws SqsError ResourceNotFoundException, or InvalidParameterValue
   */
  start({ sourceArn, destinationArn, messagesPerSecond }: MoveTaskRequest): string {
    const source = this.#broker.queueByArn(sourceArn);
    if (!source) throw notFound("SourceArn");
    this.#checkDestination(source, destinationArn);
    if (!isDeadLetterQueue(this.#broker, source)) {
      throw invalidParameter("Source queue must be configured as a Dead Letter Queue.");
    }
    if (this.ofSource(source).some(({ status }) => status === "RUNNING")) {
      throw invalidParameter(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
      );
    }
    const startedAt = this.#broker.now();
    source.advance(startedAt);
    const task: MoveTask = {
      id: randomUUID(),
      source: source.name,
      destination: destinationArn,
      messagesPerSecond,
      startedAt,
      toMove: source.count("VISIBLE"),
      moved: 0,
      status: "RUNNING",
    };
    this.#keep(task);
    this.#scheduleStep(task.id, startedAt);
    return taskHandle(task);
  }

  /**
   * @returns how many messages the task has moved
   * @throws SqsError if there is no such task, or it does not run any more
   */
  cancel(handle: string): number {
    const { taskId, sourceArn } = parseTaskHandle(handle);
    if (!this.#broker.queueByArn(sourceArn)) throw notFound("SourceArn");
    const task = this.#broker.state.tasks.get(taskId);
    if (!task) throw new SqsError("ResourceNotFoundException", "Task does not exist.");
    if (task.status !== "RUNNING") {
      throw invalidParameter(`Only active tasks can be cancelled. This one is ${task.status}.`);
    }
    this.#cancelStep.get(taskId)?.();
    this.#cancelStep.delete(taskId);
    this.#keep({ ...task, status: "CANCELLED" });
    return task.moved;
  }

  /** The tasks of a dead-letter queue, newest first. */
  ofSource({ name }: Queue): MoveTask[] {
    return [...this.#broker.state.tasks.values()].filter(({ source }) => source === name).reverse();
  }

  /** Goes on with the tasks that ran when the service ended. */
  resume(): void {
    for (const { id, status } of this.#broker.state.tasks.values()) {
      if (status === "RUNNING") this.#scheduleStep(id, this.#broker.now());
    }
  }

  stop(): void {
    for (const cancel of this.#cancelStep.values()) cancel();
    this.#cancelStep.clear();
  }

  #checkDestination(source: Queue, arn: string | undefined): void {
    if (arn === undefined) return;
    const destination = this.#broker.queueByArn(arn);
    if (!destination) throw notFound("DestinationArn");
    if (destination === source) throw invalidParameter("Source and destination must not be the same queue.");
    if (destination.fifo !== source.fifo) {
      throw invalidParameter("Source and destination must be of the same queue type.");
    }
  }

  #keep(task: MoveTask): void {
    this.#broker.commit({ do: "task", at: this.#broker.now(), task });
  }

  #scheduleStep(id: string, at: number): void {
    this.#cancelStep.set(
      id,
      this.#clock.schedule(at, () => this.#step(id)),
    );
  }

  #step(id: string): void {
    this.#cancelStep.delete(id);
    const { messagesPerSecond } = this.#broker.state.tasks.get(id) ?? {};
    const pause = messagesPerSecond === undefined ? 0 : SECOND / messagesPerSecond;
    for (let left = messagesPerSecond === undefined ? MOVES_AT_A_TIME : 1; left > 0; left -= 1) {
      if (!this.#moveOne(id)) return;
    }
    this.#scheduleStep(id, this.#broker.now() + pause);
  }

  /** @returns whether the task goes on */
  #moveOne(id: string): boolean {
    const task = this.#broker.state.tasks.get(id);
    if (task?.status !== "RUNNING") return false;
    const source = this.#broker.state.queues.get(task.source);
    const now = this.#broker.now();
    source?.advance(now);
    const [message] = source?.deliverable() ?? [];
    if (!source || !message || task.moved >= task.toMove) return this.#end({ ...task, status: "COMPLETED" });
    const arn = task.destination ?? message.delivery.deadLetterSource;
    if (arn === undefined) return this.#fail(task, "CouldNotDetermineMessageSource");
    const target = this.#broker.queueByArn(arn);
    if (!target) return this.#fail(task, "AWS.SimpleQueueService.NonExistentQueue");
    this.#redrive(source, message, target, task);
    return true;
  }

  #redrive(source: Queue, { content }: Message, target: Queue, task: MoveTask): void {
    this.#broker.commit({
      do: "redrive",
      at: this.#broker.now(),
      queue: source.name,
      to: target.name,
      number: content.number,
      task: task.id,
      newId: randomUUID(),
    });
  }

  #fail(task: MoveTask, failureReason: string): false {
    return this.#end({ ...task, status: "FAILED", failureReason });
  }

  #end(task: MoveTask): false {
    this.#keep(task);
    return false;
  }
}

/** Whether a queue of the service gives its messages up to this one. */
const isDeadLetterQueue = (broker: Broker, queue: Queue): boolean =>
  deadLetterSources(broker, queue).length > 0;

/** The queues that give their messages up to this one. */
export const deadLetterSources = (broker: Broker, queue: Queue): Queue[] =>
  [...broker.state.queues.values()].filter(
    ({ settings }) => settings.redrive?.deadLetterTargetArn === queueArn(queue.name),
  );
