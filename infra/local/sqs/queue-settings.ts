import { SECOND } from "./limits.ts";
import type { QueueAttributes, RedrivePolicy } from "./queue-attributes.ts";

/** What the attributes of a queue mean to its messages. Durations in milliseconds unless the name says otherwise. */
export interface QueueSettings {
  readonly visibility: number;
  readonly delay: number;
  readonly retention: number;
  readonly waitSeconds: number;
  readonly maximumMessageBytes: number;
  readonly redrive: RedrivePolicy | undefined;
  readonly contentBasedDeduplication: boolean;
  readonly deduplicatesPerGroup: boolean;
}

export function queueSettings(attributes: QueueAttributes): QueueSettings {
  const number = (name: string) => Number(attributes[name]);
  const policy = attributes["RedrivePolicy"];
  return {
    visibility: number("VisibilityTimeout") * SECOND,
    delay: number("DelaySeconds") * SECOND,
    retention: number("MessageRetentionPeriod") * SECOND,
    waitSeconds: number("ReceiveMessageWaitTimeSeconds"),
    maximumMessageBytes: number("MaximumMessageSize"),
    redrive: policy ? (JSON.parse(policy) as RedrivePolicy) : undefined,
    contentBasedDeduplication: attributes["ContentBasedDeduplication"] === "true",
    deduplicatesPerGroup: attributes["DeduplicationScope"] === "messageGroup",
  };
}
