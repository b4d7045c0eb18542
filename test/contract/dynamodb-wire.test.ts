import { once } from "node:events";
import { connect } from "node:net";
import { ListTablesCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DynamoDbOptions, startDynamoDb } from "../../infra/local/dynamodb/server.ts";
import { clientOf, otherEndpoint } from "./dynamodb-endpoint.ts";

async function start(options: DynamoDbOptions = {}) {
  const service = await startDynamoDb(options);
  const client = clientOf(service.endpoint);
  onTestFinished(async () => {
    client.destroy();
    await service.close();
  });
  return { client, endpoint: service.endpoint, port: Number(new URL(service.endpoint).port) };
}

const signature = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request";

const post = (endpoint: string, operation: string, body: string, headers: Record<string, string> = {}) =>
  fetch(endpoint, {
    method: "POST",
    headers: { "x-amz-target": `DynamoDB_20120810.${operation}`, authorization: signature, ...headers },
    body,
  });

const errorOf = async (response: Response) => {
  const { __type: type } = (await response.json()) as { __type: string };
  return [response.status, type.replace(/.*#/, "")];
};

describe.skipIf(otherEndpoint)("the wire (of our own service)", () => {
  test("each call is told by its name, those that fail too", async () => {
    const calls: string[] = [];
    const { client } = await start({ onCall: (operation) => calls.push(operation) });
    await client.send(new ListTablesCommand({}));
    await client.send(new PutItemCommand({ TableName: "nothing", Item: {} })).catch(() => undefined);
    expect(calls).toEqual(["ListTables", "PutItem"]);
  });

  test("what is not understood is refused with DynamoDB's errors", async () => {
    const { endpoint } = await start();
    expect(await errorOf(await post(endpoint, "ExecuteStatement", "{}"))).toEqual([
      400,
      "UnknownOperationException",
    ]);
    expect(await errorOf(await post(endpoint, "ListTables", "{"))).toEqual([400, "SerializationException"]);
    expect(await errorOf(await post(endpoint, "ListTables", "{}", { authorization: "" }))).toEqual([
      400,
      "MissingAuthenticationTokenException",
    ]);
  });

  test("a body over 16 MB is too large", async () => {
    const { endpoint } = await start();
    const response = await post(endpoint, "PutItem", " ".repeat(16 * 1024 * 1024 + 1));
    expect(response.status).toBe(413);
  });

  test("an answer carries its checksum and a request id", async () => {
    const { endpoint } = await start();
    const { headers } = await post(endpoint, "ListTables", "{}");
    expect(headers.get("x-amz-crc32")).toBe("1315925753");
    expect(headers.get("x-amzn-requestid")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a client that goes away in the middle of a request does no harm", async () => {
    const { client, port } = await start();
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    socket.resetAndDestroy();
    expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual([]);
  });

  test("only the loopback address listens", async () => {
    const { port } = await start();
    const socket = connect(port, "127.0.0.2");
    await expect(once(socket, "connect")).rejects.toMatchObject({ syscall: "connect" });
  });

  test("closing ends idle connections", async () => {
    const service = await startDynamoDb();
    const socket = connect(Number(new URL(service.endpoint).port), "127.0.0.1");
    await once(socket, "connect");
    const ended = once(socket, "close");
    await service.close();
    await ended;
  });
});
