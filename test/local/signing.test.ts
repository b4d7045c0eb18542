import { join } from "node:path";
import { expect, test } from "vitest";
import { iamGateway } from "../iam-gateway.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { run } from "./millrace.ts";

const IDENTITY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "session" };
const PIPELINES = { pipelines: [] };

/** An environment in which nothing of this machine is found. */
function environment(more: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder();
  return {
    HOME: folder,
    AWS_CONFIG_FILE: join(folder, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PROFILE: "",
    AWS_ACCESS_KEY_ID: "",
    AWS_SECRET_ACCESS_KEY: "",
    AWS_SESSION_TOKEN: "",
    AWS_REGION: "eu-west-1",
    ...more,
  };
}

const OURS = {
  AWS_ACCESS_KEY_ID: IDENTITY.accessKeyId,
  AWS_SECRET_ACCESS_KEY: IDENTITY.secretAccessKey,
  AWS_SESSION_TOKEN: IDENTITY.sessionToken,
};

test("every command that asks the API does it as the AWS identity", async () => {
  const job = { id: "j", pipeline: "p", state: "FINISHED", history: [], attempt: 1, token: "t", run: "r" };
  const gateway = await iamGateway(IDENTITY, "eu-west-1", ({ target, method }) => {
    if (target === "/v1/pipelines") return PIPELINES;
    if (target.startsWith("/v1/tokens/")) return { log: [], steps: [] };
    if (target.includes("/files")) return { path: "products", files: [] };
    if (target.startsWith("/v1/jobs")) return job;
    return method === "POST"
      ? { tokens: ["t"], jobs: [{ id: "j", token: "t", outcome: "sent" }] }
      : { jobs: [] };
  });
  const asked: readonly (readonly string[])[] = [
    ["board"],
    ["put", "p", "--data", "{}"],
    ["jobs", "list", "p", "--limit", "3"],
    ["jobs", "show", "j"],
    ["jobs", "files", "j"],
    ["jobs", "create", "p", "--parameter", "a=1"],
    ["jobs", "cancel", "j"],
    ["dead", "list", "p", "--message", "a b"],
    ["dead", "retry", "p", "--all"],
    ["token", "log", "t"],
  ];
  const env = environment(OURS);
  for (const args of asked) {
    const { code, stderr } = await run([...args, "--json", "--sign", "--url", gateway.url], { env });
    expect([code, stderr], args.join(" ")).toEqual([0, ""]);
  }
  expect(gateway.refused).toEqual([]);
  expect(gateway.admitted.map(({ method, target, body }) => [method, target, body])).toEqual([
    ["GET", "/v1/pipelines", ""],
    ["POST", "/v1/pipelines/p/tokens", '{"tokens":[{"data":{}}]}'],
    ["GET", "/v1/pipelines/p/jobs?limit=3", ""],
    ["GET", "/v1/jobs/j", ""],
    ["GET", "/v1/jobs/j/files?limit=1000", ""],
    ["POST", "/v1/jobs", '{"pipeline":"p","parameters":{"a":1}}'],
    ["POST", "/v1/jobs/j/verbs/cancel", expect.stringMatching(/^{"eventId":"[-0-9a-f]{36}"}$/)],
    ["GET", "/v1/pipelines/p/dead?message=a%20b", ""],
    ["POST", "/v1/pipelines/p/dead/retry", '{"all":true}'],
    ["GET", "/v1/tokens/t", ""],
  ]);
});

test("who is not admitted is told what to do, and a signature that nobody can make is none", async () => {
  const gateway = await iamGateway(IDENTITY, "eu-west-1");
  const board = ["board", "--url", gateway.url];
  const plain = await run(board, { env: environment() });
  expect([plain.code, plain.stderr.split("\n")[0]]).toEqual([
    1,
    "error: the API's gateway answered 403: Forbidden",
  ]);
  expect(plain.stderr).toContain("--sign");
  const nobody = await run([...board, "--sign"], { env: environment() });
  expect([nobody.code, nobody.stdout]).toEqual([1, ""]);
  expect(nobody.stderr).toMatch(/^error: the API asks for a signature, and there is nothing to sign with: /);
  expect(nobody.stderr).toContain("AWS_PROFILE");
  expect(gateway.refused).toEqual(["no signature"]);
});
