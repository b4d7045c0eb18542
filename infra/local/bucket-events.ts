import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { Plan } from "../../lib/plan/plan.ts";
import type { ObjectCreated } from "./s3/server.ts";

/**
 * What EventBridge does between the bucket and the intake queues: each upload below an input's prefix becomes one message
 * for its pipeline, in EventBridge's form.
 */
export async function forward(
  event: ObjectCreated,
  plan: Plan,
  client: SQSClient,
  queueBase: string,
): Promise<void> {
  const interested = plan.pipelines.filter(({ inputs }) =>
    inputs.some(({ s3 }) => s3 && event.key.startsWith(s3.prefix) && event.key.endsWith(s3.suffix)),
  );
  const body = JSON.stringify(eventBridgeEvent(event));
  await Promise.all(
    interested.map(({ intake }) =>
      client.send(new SendMessageCommand({ QueueUrl: queueBase + intake.name, MessageBody: body })),
    ),
  );
}

const eventBridgeEvent = ({
  bucket,
  key,
  size,
  etag,
  versionId,
  sequencer,
  reason,
  time,
}: ObjectCreated) => ({
  version: "0",
  id: sequencer,
  source: "aws.s3",
  "detail-type": "Object Created",
  account: "000000000000",
  time: new Date(time).toISOString(),
  region: "us-east-1",
  resources: [`arn:aws:s3:::${bucket}`],
  detail: {
    version: "0",
    bucket: { name: bucket },
    object: {
      key,
      size,
      etag: etag.replaceAll('"', ""),
      ...(versionId !== undefined && { "version-id": versionId }),
      sequencer,
    },
    reason,
  },
});
