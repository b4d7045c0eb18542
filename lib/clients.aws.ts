import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type Env, REQUEST_MS, settings } from "./client-settings.ts";

/** The clients that every function needs. S3's is in `token/s3-client.aws.ts`: it is loaded by what needs it, when it does. */

export const sqsClient = (env: Env = process.env): SQSClient => new SQSClient(settings("SQS", env));

/**
 * For long polls, which answer when there is something to say. Each holds a connection all the time, and there are two for
 * each edge: with the SDK's limit of 50, those beyond it and every acknowledgement would wait in vain.
 *
 * @param waitMs how long a poll may last
 */
export function pollingClient(env: Env, waitMs: number): SQSClient {
  const { requestHandler, ...rest } = settings("SQS", env, waitMs + REQUEST_MS.SQS);
  const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
  return new SQSClient({
    ...rest,
    requestHandler: { ...requestHandler, httpAgent: agent, httpsAgent: agent },
  });
}

export const dynamoDbClient = (env: Env = process.env): DynamoDBClient =>
  new DynamoDBClient(settings("DYNAMODB", env));

export const documentClient = (env: Env = process.env): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(dynamoDbClient(env), { marshallOptions: { removeUndefinedValues: true } });
