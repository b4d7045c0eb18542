import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { startInProcess } from "./in-process.ts";
import { until } from "./millrace.ts";

/** An edge that is taken away while tokens lie in its queue. */

const PASS = "{ command: [cp, kdp_input.json, kdp_output.json] }";
/** Its stage `b` fails whatever comes, and may try for ever. */
const BEFORE = `
id: p
inputs: { in: { to: a } }
stages: { a: ${PASS}, b: { command: ["false"] } }
edges: [{ from: a, to: b, maxAttempts: 100 }]`;
/** The stage `a` and its edge are gone; `b` works. */
const after = (edges: string): string => `
id: p
inputs: { in: { to: b } }
stages: { b: ${PASS} }
edges: [${edges}]`;

test("retired, it is worked empty, though the stage that sent is gone; just removed, nothing starts", async () => {
  const folder = temporaryFolder();
  const data = join(folder, "data");
  const start = async (text: string) => {
    const file = join(folder, "pipeline.yaml");
    writeFileSync(file, text);
    const { runtime, stop } = await startInProcess([file], data);
    return { api: apiAt(runtime.url, "p"), stop };
  };

  const first = await start(BEFORE);
  await first.api.put(1, 2, 3);
  await until(first.api.board, ({ stages }) => stages["a"]?.done === 3);
  await first.stop();

  await expect(start(after(""))).rejects.toMatchObject({
    code: "stranded-tokens",
    message: "tokens lie in queues that the definition no longer has: millrace_p_a_b (3)",
    hint: expect.stringContaining("the edges with `retired: true`"),
  });

  const second = await start(after("{ from: a, to: b, retired: true }"));
  const board = await second.api.settled(3);
  expect(board).toMatchObject({
    done: 3,
    error: 0,
    stages: { b: { done: 3 } },
    edges: { "a-b": { waiting: 0, claimed: 0, error: 0, done: 3 } },
  });
});
