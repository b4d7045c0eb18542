import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { functionLogs } from "../../infra/local/function-logs.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a log that cannot be written is told of once; the others go on", async () => {
  const folder = temporaryFolder();
  // In the way of a file.
  mkdirSync(join(folder, "act.log"));
  const said: string[] = [];
  const logs = functionLogs(folder, (message) => said.push(message));
  const line = '{"level":"info","message":"worked"}';
  for (let count = 0; count < 3; count += 1) {
    logs.write("act", line);
    logs.write("end", line);
    await expect.poll(() => said).not.toEqual([]);
  }
  await logs.close();
  expect(said).toEqual([expect.stringMatching(/act\.log is not written any more: EISDIR/)]);
  expect(readFileSync(join(folder, "end.log"), "utf8")).toBe(`${line}\n`.repeat(3));
});
