import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { copyResults } from "../../infra/local/results.ts";
import { resultPrefix } from "../../lib/plan/names.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { definitionOf, startInProcess } from "./in-process.ts";

test("results whose names a file system cannot hold side by side are all there", async () => {
  const { runtime } = await startInProcess([definitionOf("hop")]);
  const [pipeline] = runtime.plan.pipelines;
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
