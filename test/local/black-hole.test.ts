import { once } from "node:events";
import { createServer, request as forwardTo } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { startDynamoDb } from "../../infra/local/dynamodb/server.ts";
import { apiAt } from "./api.ts";
import { definitionOf, startInProcess } from "./in-process.ts";

/** A proxy before a service that swallows so many calls of one operation: it takes them and never answers. */
async function swallowing(endpoint: string, operation: string, count: number) {
  const swallowed: string[] = [];
  const server = createServer((request, response) => {
    const called = String(request.headers["x-amz-target"]).split(".")[1];
    if (called === operation && swallowed.length < count) {
      swallowed.push(called);
      request.resume();
      return;
    }
    const onwards = forwardTo(
      `${endpoint}${request.url}`,
      { method: request.method, headers: { ...request.headers, host: new URL(endpoint).host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    onwards.on("error", () => response.destroy());
    request.pipe(onwards);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, swallowed };
}

test("a table that does not answer holds nobody for ever: the token is given back, and done when it answers", async () => {
  const table = await startDynamoDb();
  onTestFinished(table.close);
  // Three tries of one call: the first commit is given up.
  const hole = await swallowing(table.endpoint, "UpdateItem", 3);
  vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", hole.endpoint);
  const { runtime, said } = await startInProcess([definitionOf("hop")]);
  const hop = apiAt(runtime.url, "hop");
  await hop.put({ index: 0 });
  expect(await hop.settled(1)).toMatchObject({ put: 1, done: 1, error: 0 });
  expect(hole.swallowed).toHaveLength(3);
  expect(said.join("\n")).toContain("not settled: ");
});
