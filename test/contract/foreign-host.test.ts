import { request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { startDynamoDb } from "../../infra/local/dynamodb/server.ts";
import { startS3 } from "../../infra/local/s3/server.ts";
import { startSqs } from "../../infra/local/sqs/server.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/**
 * A page on another site may point a name of its own at 127.0.0.1 and then send any header to what listens there (DNS
 * rebinding). Its requests bear that name.
 */
const start = {
  sqs: () => startSqs(),
  dynamodb: () => startDynamoDb(),
  s3: () => startS3({ directory: temporaryFolder() }),
};

const call = {
  sqs: { method: "POST", target: { "x-amz-target": "AmazonSQS.ListQueues" } },
  dynamodb: { method: "POST", target: { "x-amz-target": "DynamoDB_20120810.ListTables" } },
  s3: { method: "GET", target: {} },
};

test.for(["sqs", "dynamodb", "s3"] as const)("%s answers to the names of this machine only", async (name) => {
  const service = await start[name]();
  onTestFinished(service.close);
  const { port } = new URL(service.endpoint);
  const { target, method } = call[name];
  const answerTo = (host: string): Promise<[status: number | undefined, text: string]> =>
    new Promise((done, failed) => {
      const headers = { host, authorization: "AWS4-HMAC-SHA256 Credential=a", ...target };
      request({ host: "127.0.0.1", port, method, headers }, async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        done([response.statusCode, text]);
      })
        .on("error", failed)
        .end(method === "POST" ? "{}" : "");
    });
  expect((await answerTo(`127.0.0.1:${port}`))[0]).toBe(200);
  expect((await answerTo(`localhost:${port}`))[0]).toBe(200);
  for (const foreign of ["attacker.example", `127.0.0.1.attacker.example:${port}`]) {
    const [status, text] = await answerTo(foreign);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).toContain("AccessDenied");
  }
});
