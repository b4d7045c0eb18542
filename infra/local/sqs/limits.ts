/**
 * Quotas of Amazon SQS, enforced here as they are there.
 *
 * Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html and
 * quotas-queues.html beside it; ranges of single parameters: the API reference of the operation.
 */

/** All three in milliseconds. */
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export const limits = {
  visibilitySeconds: { least: 0, most: 43_200 },
  delaySeconds: { least: 0, most: 900 },
  waitSeconds: { least: 0, most: 20 },
  retentionSeconds: { least: 60, most: 1_209_600 },
  maximumMessageBytes: { least: 1_024, most: 1_048_576 },
  receiveCount: { least: 1, most: 1_000 },
  messagesPerReceive: { least: 1, most: 10 },
  listedQueues: { least: 1, most: 1_000 },
  listedTasks: { least: 1, most: 10 },
  movesPerSecond: { least: 1, most: 500 },
  /** Body and attributes of all entries of one SendMessageBatch together. */
  batchBytes: 1_048_576,
  batchEntries: 10,
  messageAttributes: 10,
  /** Received and neither deleted nor visible again. AWS raises it on request. */
  inFlight: 120_000,
} as const;

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** A message may stay invisible this long after the receive, extensions included; its receipt handle dies then. */
export const LONGEST_CLAIM = 12 * HOUR;

/** A FIFO queue takes no second message with the same deduplication id for this long. */
export const DEDUPLICATION_WINDOW = 5 * MINUTE;

/** A receive on a FIFO queue can be repeated with the same ReceiveRequestAttemptId for this long. */
export const RECEIVE_ATTEMPT_WINDOW = 5 * MINUTE;

/** Between two purges of a queue, and between deleting a queue and creating one of that name. */
export const COOLDOWN = 60 * SECOND;
