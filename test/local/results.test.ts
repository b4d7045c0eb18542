import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect, onTestFinished, test } from "vitest";
import { copyResults } from "../../infra/local/results.ts";
import { startRuntime } from "../../infra/local/runtime.ts";
import { loadDefinitions } from "../../lib/definition/files.ts";
import { resultPrefix } from "../../lib/plan/names.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { temporaryFolder } from "./millrace.ts";

test("results whose names a file system cannot hold side by side are all there", async () => {
  const { definitions } = loadDefinitions([join(import.meta.dirname, "pipelines/hop/pipeline.yaml")]);
  const plan = makePlan(definitions);
  const runtime = await startRuntime({ plan, data: temporaryFolder(), port: 0, say: () => {} });
  onTestFinished(runtime.stop);
  const [pipeline] = plan.pipelines;
  if (!pipeline) throw new Error("there is no pipeline");
  const s3 = s3Client(runtime.env);
  const at = (name: string) => ({ Bucket: runtime.bucket, Key: resultPrefix(pipeline.id) + name });
  const put = (name: string) => s3.send(new PutObjectCommand({ ...at(name), Body: `content of ${name}` }));
  const shown = async (...names: string[]): Promise<string[]> => {
    const folder = await copyResults(pipeline, runtime);
    return names.map((name) => readFileSync(join(folder, name), "utf8"));
  };

  await put("a");
  expect(await shown("a")).toEqual(["content of a"]);
  // The file of the first copy is in the way of a folder.
  await put("a/b");
  await put("../up");
  expect(await shown("a@", "a/b", "%2E../up")).toEqual([
    "content of a",
    "content of a/b",
    "content of ../up",
  ]);
  // And now the folder in the way of the file.
  await s3.send(new DeleteObjectCommand(at("a/b")));
  expect(await shown("a")).toEqual(["content of a"]);
});
