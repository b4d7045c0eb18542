import {
  CreateTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  paginateListQueues,
  QueueNameExists,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { MillraceError } from "../../lib/errors.ts";
import { DEAD_INDEX } from "../../lib/job/keys.ts";
import { queueName } from "../../lib/plan/names.ts";
import type { Plan, QueuePlan } from "../../lib/plan/plan.ts";
import { queueCounts, queuesOf } from "../../lib/queue/counts.aws.ts";

/**
 * Makes a plan's resources through the SDK, whatever service is behind it. What exists is kept with all that is in it, and
 * brought in line with the plan.
 */

/** @returns what comes before a queue's name in its URL, and in its ARN */
export async function provisionQueues(
  client: SQSClient,
  plan: Plan,
): Promise<{ urlBase: string; arnBase: string }> {
  const queues = plan.pipelines.flatMap((pipeline) => [
    pipeline.intake,
    ...pipeline.edges.map((edge) => edge.queue),
  ]);
  const made = await Promise.all(queues.map((queue) => provisionQueue(client, queue)));
  const [first] = made;
  if (!first) throw new Error("a plan without pipelines has no queues");
  return first;
}

/**
 * A definition that was changed may have left queues behind. As long as tokens lie in one, nothing runs: they would wait
 * there for ever, and nobody would know.
 *
 * @throws MillraceError naming each such queue and how many tokens it holds
 */
export async function refuseStranded(client: SQSClient, plan: Plan): Promise<void> {
  const known = new Set(plan.pipelines.flatMap(queuesOf));
  const left = (
    await Promise.all(
      plan.pipelines.map(({ id }) => queuesNamed(client, queueName(plan.app, id, "", "").slice(0, -1))),
    )
  )
    .flat()
    .filter((url) => !known.has(nameOf(url)));
  const counts = await queueCounts(client, "", left);
  const holding = [...counts].filter(([, { waiting, claimed }]) => waiting + claimed > 0);
  if (holding.length === 0) return;
  const list = holding
    .map(([url, { waiting, claimed }]) => `${nameOf(url)} (${waiting + claimed})`)
    .join(", ");
  throw new MillraceError(
    "stranded-tokens",
    `tokens lie in queues that the definition no longer has: ${list}`,
    {
      hint: "put the stages back, and the edges with `retired: true`, until these queues are empty; or start on another folder: --data DIR",
    },
  );
}

const nameOf = (url: string): string => url.slice(url.lastIndexOf("/") + 1);

async function queuesNamed(client: SQSClient, prefix: string): Promise<string[]> {
  const urls: string[] = [];
  for await (const { QueueUrls = [] } of paginateListQueues(
    { client, pageSize: 1000 },
    { QueueNamePrefix: prefix },
  ))
    urls.push(...QueueUrls);
  return urls;
}

async function provisionQueue(
  client: SQSClient,
  queue: QueuePlan,
): Promise<{ urlBase: string; arnBase: string }> {
  const dead = await ensureQueue(client, queue.dead.name, attributesOf(queue.dead));
  const redrive = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: queue.maxReceiveCount });
  const { url, arn } = await ensureQueue(client, queue.name, {
    ...attributesOf(queue),
    RedrivePolicy: redrive,
  });
  return { urlBase: url.slice(0, -queue.name.length), arnBase: arn.slice(0, -queue.name.length) };
}

const attributesOf = ({
  visibilitySeconds,
  retentionSeconds,
}: Pick<QueuePlan, "visibilitySeconds" | "retentionSeconds">) => ({
  VisibilityTimeout: String(visibilitySeconds),
  MessageRetentionPeriod: String(retentionSeconds),
});

async function ensureQueue(
  client: SQSClient,
  name: string,
  attributes: Record<string, string>,
): Promise<{ url: string; arn: string }> {
  const url = await createQueue(client, name, attributes);
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }),
  );
  return { url, arn: Attributes?.QueueArn ?? "" };
}

async function createQueue(
  client: SQSClient,
  name: string,
  attributes: Record<string, string>,
): Promise<string> {
  try {
    const { QueueUrl = "" } = await client.send(
      new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
    );
    return QueueUrl;
  } catch (error) {
    // It exists with other attributes: an earlier plan's.
    if (!(error instanceof QueueNameExists)) throw error;
  }
  const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: name }));
  await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: attributes }));
  return QueueUrl;
}

export async function provisionTable(client: DynamoDBClient, table: string): Promise<void> {
  const keys = ["pk", "sk", DEAD_INDEX.hash, DEAD_INDEX.range];
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: keys.map((name) => ({ AttributeName: name, AttributeType: "S" })),
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: DEAD_INDEX.name,
            KeySchema: [
              { AttributeName: DEAD_INDEX.hash, KeyType: "HASH" },
              { AttributeName: DEAD_INDEX.range, KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "ALL" },
          },
        ],
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  // Ours is there at once; elsewhere it takes seconds until it takes writes.
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName: table });
}

export async function provisionBucket(client: S3Client, bucket: string): Promise<void> {
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  }
  // A token means one version of its object, also after the object was replaced.
  await client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
  );
  await client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
}
