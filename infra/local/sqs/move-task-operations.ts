import { SqsError } from "./errors.ts";
import { optionalInteger, optionalText, requiredText } from "./input.ts";
import { limits } from "./limits.ts";
import type { Operation } from "./operation.ts";
import { queueArn } from "./queue-names.ts";
import type { MoveTask } from "./records.ts";
import { taskHandle } from "./task-handle.ts";

const startMessageMoveTask: Operation = ({ tasks }, input) => ({
  TaskHandle: tasks.start({
    sourceArn: requiredText(input, "SourceArn"),
    destinationArn: optionalText(input, "DestinationArn"),
    messagesPerSecond: optionalInteger(input, "MaxNumberOfMessagesPerSecond", limits.movesPerSecond),
  }),
});

const cancelMessageMoveTask: Operation = ({ tasks }, input) => ({
  ApproximateNumberOfMessagesMoved: tasks.cancel(requiredText(input, "TaskHandle")),
});

const listMessageMoveTasks: Operation = ({ broker, tasks }, input) => {
  const source = broker.queueByArn(requiredText(input, "SourceArn"));
  if (!source) {
    const message = "The resource that you specified for the SourceArn parameter doesn't exist.";
    throw new SqsError("ResourceNotFoundException", message);
  }
  const most = optionalInteger(input, "MaxResults", limits.listedTasks) ?? 1;
  return { Results: tasks.ofSource(source).slice(0, most).map(result) };
};

const result = (task: MoveTask): object => ({
  TaskHandle: task.status === "RUNNING" ? taskHandle(task) : undefined,
  Status: task.status,
  SourceArn: queueArn(task.source),
  DestinationArn: task.destination,
  MaxNumberOfMessagesPerSecond: task.messagesPerSecond,
  ApproximateNumberOfMessagesMoved: task.moved,
  ApproximateNumberOfMessagesToMove: task.toMove,
  FailureReason: task.failureReason,
  StartedTimestamp: task.startedAt,
});

export const moveTaskOperations = {
  CancelMessageMoveTask: cancelMessageMoveTask,
  ListMessageMoveTasks: listMessageMoveTasks,
  StartMessageMoveTask: startMessageMoveTask,
} satisfies Record<string, Operation>;
