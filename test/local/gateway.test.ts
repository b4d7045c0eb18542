import { connect } from "node:net";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect, onTestFinished, test } from "vitest";
import { startGateway } from "../../infra/local/gateway.ts";

/** What the API function is handed, and what becomes of its answer. */
async function startEcho(answer: object = {}) {
  const events: APIGatewayProxyEventV2[] = [];
  const invoke = async (event: APIGatewayProxyEventV2) => {
    events.push(event);
    return { statusCode: 200, body: "", ...answer };
  };
  const gateway = await startGateway(0, invoke, () => {});
  onTestFinished(gateway.close);
  return { url: gateway.url, events };
}

/** The status of a request whose target no client library would send. */
const statusOf = (url: string, target: string): Promise<string | undefined> =>
  new Promise((done, failed) => {
    const { host, port } = new URL(url);
    let text = "";
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    socket
      .on("data", (chunk) => {
        text += chunk;
      })
      .on("close", () => done(text.split(" ")[1]))
      .on("error", failed);
  });

test("a path that begins with two slashes is a path, and what is no path is refused", async () => {
  const { url, events } = await startEcho();
  expect(await statusOf(url, "//")).toBe("200");
  expect(await statusOf(url, "//other/path?a=1")).toBe("200");
  expect(events.map(({ rawPath, rawQueryString }) => [rawPath, rawQueryString])).toEqual([
    ["//", ""],
    ["//other/path", "a=1"],
  ]);
  expect(await statusOf(url, "http://other/path")).toBe("400");
  expect(await statusOf(url, "*")).toBe("400");
  expect(events).toHaveLength(2);
});

test("a parameter that is given twice arrives with both values", async () => {
  const { url, events } = await startEcho();
  await fetch(`${url}/path?a=1&b=x%20y&a=2`);
  await fetch(`${url}/path`);
  expect(events.map(({ queryStringParameters }) => queryStringParameters)).toEqual([
    { a: "1,2", b: "x y" },
    undefined,
  ]);
});

test("an answer in base64 is sent as the bytes that it stands for", async () => {
  const { url } = await startEcho({ body: "AP+A", isBase64Encoded: true });
  expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(new Uint8Array([0, 255, 128]));
});

test("an answer that Lambda would not pass on is none here", async () => {
  const half = 3 * 1024 * 1024;
  const { url } = await startEcho({ body: "a".repeat(half) });
  expect((await fetch(url)).status).toBe(200);
  // As JSON each quote is two bytes.
  const quoted = await startEcho({ body: '"'.repeat(half) });
  expect((await fetch(quoted.url)).status).toBe(502);
});
