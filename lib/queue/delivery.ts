import { isDeadQueue } from "../plan/names.ts";

/** A message as it was received. */
export interface Delivery {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly receiveCount: number;
  /** The physical queue that it was received from. */
  readonly queue: string;
  /** It went through the dead-letter queue: nobody has seen it through. */
  readonly fromDead: boolean;
}

/** The event that Lambda makes of received messages, as far as it is used. */
interface ReceivedMessages {
  readonly Records: readonly {
    readonly messageId: string;
    readonly receiptHandle: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string };
    readonly eventSourceARN: string;
  }[];
}

export const deliveriesOf = (event: ReceivedMessages): Delivery[] =>
  event.Records.map(({ messageId, receiptHandle, body, attributes, eventSourceARN }) => {
    const queue = eventSourceARN.slice(eventSourceARN.lastIndexOf(":") + 1);
    return {
      messageId,
      receiptHandle,
      body,
      receiveCount: Number(attributes.ApproximateReceiveCount),
      queue,
      fromDead: isDeadQueue(queue),
    };
  });
