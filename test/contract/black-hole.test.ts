import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { expect, onTestFinished, test } from "vitest";
import { dynamoDbClient, pollingClient, sqsClient } from "../../lib/clients.aws.ts";
import { objectStore } from "../../lib/token/objects.aws.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";

/**
 * A service that takes a request and never answers, as behind a firewall that drops packets: a call must fail while its
 * function has time to do something about it. What is waited for here is the clients' own time, all at once.
 */
async function blackHole(): Promise<{ env: Record<string, string>; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request.resume());
    if (!request.url?.includes("half-way")) return;
    response.writeHead(200, { "content-length": "100" });
    response.write("a part");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" },
    requests,
  };
}

const gaveUp = { name: "TimeoutError" };

test.concurrent("SQS: after three tries", async () => {
  const { env, requests } = await blackHole();
  const send = new SendMessageCommand({ QueueUrl: `${env["AWS_ENDPOINT_URL"]}/0/q`, MessageBody: "x" });
  await expect(sqsClient(env).send(send)).rejects.toMatchObject(gaveUp);
  expect(requests).toHaveLength(3);
});

test.concurrent("DynamoDB: after three tries", async () => {
  const { env, requests } = await blackHole();
  const get = new GetItemCommand({ TableName: "t", Key: { pk: { S: "x" } } });
  await expect(dynamoDbClient(env).send(get)).rejects.toMatchObject(gaveUp);
  expect(requests).toHaveLength(3);
});

test.concurrent("a long poll: some time after it should have been answered", async () => {
  const { env, requests } = await blackHole();
  const receive = new ReceiveMessageCommand({ QueueUrl: `${env["AWS_ENDPOINT_URL"]}/0/q` });
  await expect(pollingClient(env, 2000).send(receive)).rejects.toMatchObject(gaveUp);
  expect(requests).toHaveLength(3);
});

test.concurrent("S3: an upload that nobody acknowledges, and a content that stops half-way", async () => {
  const { env } = await blackHole();
  const store = objectStore(s3Client({ ...env, AWS_MAX_ATTEMPTS: "1" }), "bucket");
  const upload = store.put("key", "text");
  const content = (async () => {
    const pieces: string[] = [];
    const body = await store.read({ key: "half-way", etag: "x" });
    try {
      for await (const piece of body) pieces.push(String(piece));
    } catch (error) {
      return { pieces, name: (error as Error).name };
    }
    return { pieces, name: "" };
  })();
  await expect(upload).rejects.toMatchObject(gaveUp);
  expect(await content).toEqual({ pieces: ["a part"], ...gaveUp });
}, 120_000);
