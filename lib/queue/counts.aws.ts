import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { QueueCounts } from "../board/board.ts";
import type { PipelinePlan } from "../plan/plan.ts";
import type { QueueClient } from "./sqs.aws.ts";

/** Every queue of a pipeline, dead-letter queues included. */
export const queuesOf = ({ intake, edges }: PipelinePlan): string[] =>
  [intake, ...edges.map((edge) => edge.queue)].flatMap(({ name, dead }) => [name, dead.name]);

/** The counts of queues, by physical name. */
export async function queueCounts(
  client: QueueClient,
  queueBase: string,
  queues: readonly string[],
): Promise<Map<string, QueueCounts>> {
  const counts = await Promise.all(
    queues.map(async (queue): Promise<[string, QueueCounts]> => {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: queueBase + queue,
          AttributeNames: [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
          ],
        }),
      );
      const count = (name: keyof typeof Attributes): number => Number(Attributes[name] ?? 0);
      const waiting = count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesDelayed");
      return [queue, { waiting, claimed: count("ApproximateNumberOfMessagesNotVisible") }];
    }),
  );
  return new Map(counts);
}
