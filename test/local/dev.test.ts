import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ListQueuesCommand } from "@aws-sdk/client-sqs";
import { expect, onTestFinished, test } from "vitest";
import { startSqs } from "../../infra/local/sqs/server.ts";
import { sqsClient } from "../../lib/clients.aws.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { run, runJson, type Summary, startDev, until } from "./millrace.ts";

/** The life of a runtime: start, stop, and start again on what the last one left. */
const HOP = join(import.meta.dirname, "pipelines/hop");

test("SIGINT lets the work under way end, and what waits is there at the next start", async () => {
  const data = temporaryFolder();
  const dev = await startDev([HOP, "--data", data]);
  const hop = apiAt(dev.url, "hop");
  for (let batch = 0; batch < 5; batch += 1)
    await hop.put(...Array.from({ length: 100 }, (_, index) => ({ batch, index })));
  await until(hop.board, ({ stages }) => (stages["first"]?.done ?? 0) > 0);
  dev.kill("SIGINT");
  const { code, stderr } = await dev.ended;
  expect(code).toBe(0);
  expect(stderr).toContain("nothing is lost");

  const summary = await runJson<Summary>(["dev", HOP, "--once", "--json", "--port", "0", "--data", data]);
  expect(summary).toMatchObject({ put: 500, done: 500, error: 0, outstanding: 0 });
  expect(summary.stages).toEqual({ first: { done: 500, error: 0 }, second: { done: 500, error: 0 } });
});

test("two runtimes do not share a folder, and a dead one's folder is free", async () => {
  const data = temporaryFolder();
  const first = await startDev([HOP, "--data", data]);
  const second = await run(["dev", HOP, "--port", "0", "--data", data]);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`the runtime with process id ${first.pid} is using ${data}`);
  first.kill("SIGKILL");
  await first.ended;
  const third = await runJson<Summary>(["dev", HOP, "--once", "--json", "--port", "0", "--data", data]);
  expect(third).toMatchObject({ put: 0, outstanding: 0 });
});

test("a port that is taken, a secret that is missing, an image without stand-in: said before anything runs", async () => {
  const dev = await startDev([HOP, "--data", temporaryFolder()]);
  const { port } = new URL(dev.url);
  const taken = await run(["dev", HOP, "--port", port, "--data", temporaryFolder()]);
  expect([taken.code, taken.stdout]).toEqual([1, ""]);
  expect(taken.stderr).toContain(`the port ${port} is taken`);

  const folder = temporaryFolder();
  mkdirSync(join(folder, "stages"));
  const definition = (stage: string): void => {
    writeFileSync(
      join(folder, "pipeline.yaml"),
      `id: p\ninputs: { work: { to: a } }\nstages: { a: { ${stage} } }\n`,
    );
  };
  writeFileSync(join(folder, "stages/a.ts"), "");
  definition("handler: ./stages/a.ts, secrets: [db-password]");
  const secret = await run(["dev", folder, "--once", "--port", "0", "--data", temporaryFolder()]);
  expect(secret.code).toBe(1);
  expect(secret.stderr).toContain("this machine has no value for the secret db-password");

  definition("image: registry/tool:1");
  const image = await run(["dev", folder, "--once", "--port", "0", "--data", temporaryFolder()]);
  expect([image.code, image.stdout]).toEqual([1, ""]);
  expect(image.stderr).toContain(
    'the stage "a" runs the image "registry/tool:1", and there are no containers on this machine',
  );
  expect(image.stderr).toContain("  images:\n      registry/tool:1:\n        program: [node, ");
});

test("a stage that cannot be loaded fails its tokens with the loader's own words", async () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, "pipeline.yaml"),
    "id: p\ninputs: { work: { to: a, maxAttempts: 1 } }\nstages: { a: { handler: ./a.ts } }\n",
  );
  writeFileSync(join(folder, "a.ts"), 'import "./not-there.ts";\n');
  const dev = await startDev([folder, "--data", temporaryFolder()]);
  const api = apiAt(dev.url, "p");
  await api.put({});
  expect(await api.settled(1)).toMatchObject({ error: 1 });
  const [dead] = await api.dead();
  expect(dead?.error?.message).toMatch(/^cannot load .\/a.ts: Cannot find module '.*not-there\.ts'/);
});

test("a stage is mended while it runs: retrying its tokens uses the new code", async () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, "pipeline.yaml"),
    "id: p\ninputs: { work: { to: a, maxAttempts: 1 } }\nstages: { a: { handler: ./a.ts } }\n",
  );
  const stage = (body: string): void =>
    writeFileSync(join(folder, "a.ts"), `export default { run() { ${body} } };\n`);
  stage('throw new Error("not yet")');
  const dev = await startDev([folder, "--data", temporaryFolder()]);
  const api = apiAt(dev.url, "p");
  await api.put({});
  expect(await api.settled(1)).toMatchObject({ error: 1 });
  await until(
    async () => dev.stderr(),
    (text) => text.includes("p: put 1, done 0, in error 1, outstanding 0\n"),
  );
  stage("return { data: 1 }");
  await until(
    async () => dev.stderr(),
    (text) => text.includes("p: a.ts changed: its stages are loaded anew"),
  );
  // The board was shown before that line. What is no terminal is not told to draw over it.
  expect(dev.stderr()).not.toContain("\u001b");
  await api.post("/dead/retry", { all: true });
  expect(await until(api.board, ({ done }) => done === 1)).toMatchObject({ put: 1, error: 0 });
});

test("a service that is named takes the place of our own", async () => {
  const sqs = await startSqs();
  onTestFinished(sqs.close);
  const env = { AWS_ENDPOINT_URL_SQS: sqs.endpoint };
  const summary = await runJson<Summary>(
    ["dev", "pipelines/queue-example", "--once", "--json", "--port", "0", "--data", temporaryFolder()],
    { env },
  );
  expect(summary).toMatchObject({ put: 5, done: 5 });
  const client = sqsClient({ ...env, AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" });
  const { QueueUrls = [] } = await client.send(
    new ListQueuesCommand({ QueueNamePrefix: "millrace_queue-example" }),
  );
  expect(QueueUrls).toHaveLength(6);
});
