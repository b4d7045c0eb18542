import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { startDev, startNode } from "./millrace.ts";

/** The README's section on jobs, as it stands: whoever copies it gets what it says. */

const ROOT = join(import.meta.dirname, "../..");
const SECTION = readFileSync(join(ROOT, "README.md"), "utf8")
  .split("## Jobs and callbacks\n")[1]
  ?.split("\n## ")[0];

const snippets = (language: string): string[] =>
  [...(SECTION ?? "").matchAll(/^```(\w+)\n(.*?)^```/gms)].flatMap(([, tag, code = ""]) =>
    tag === language ? [code] : [],
  );

test("the client's lines run, and print what their comment says", async () => {
  const { url } = await startDev(["pipelines/fcs-etl", "--data", temporaryFolder()]);
  const [code = ""] = snippets("ts");
  const ended = await startNode(["--input-type=module-typescript", "--eval", code], {
    env: { MILLRACE_URL: url },
  }).ended;
  expect(ended.stderr).toBe("");
  expect(ended.stdout).toMatch(/^FINISHED \/products\/v2\/[0-9a-f/]+\/[a-z]+-[a-z]+-\d{8}T\d{6}Z\n$/);
});

test("the lines for curl run, and so does the command line", async ({ skip }) => {
  const { url } = await startDev(["pipelines/fcs-etl", "--data", temporaryFolder()]);
  const [curl = "", commands = ""] = snippets("sh");
  const env = { ...process.env, NO_COLOR: "1", MILLRACE_URL: url };
  const shell = (code: string): string =>
    execFileSync("bash", ["-ec", code], {
      cwd: ROOT,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  try {
    shell("command -v curl jq");
  } catch {
    skip("curl and jq are not installed on this machine");
  }
  const answers = shell(`${curl}\n`).trimEnd();
  const [run1, run2, finished, shown] = answers
    .split(/(?<=\})(?=[[{])|\n/)
    .map((line) => JSON.parse(line) as unknown);
  expect([run1, run2, finished]).toEqual([
    { applied: true, state: "RUNNING" },
    { applied: true, state: "RUNNING" },
    { applied: true, state: "FINISHED" },
  ]);
  // Its files may be under way into the index already.
  expect((shown as string[]).slice(1, 5)).toEqual(["create", "run", "update", "finish"]);

  const [create, event, watch, key, cancel, reset] = commands.trimEnd().split("\n");
  expect(
    [create, event, watch, key, cancel, reset].map((line) => line?.split(" ").slice(0, 4).join(" ")),
  ).toEqual(
    ["create", "event", "watch", "key", "cancel", "reset"].map((verb) => `npx millrace jobs ${verb}`),
  );
  const made = shell(create ?? "");
  const id = /^[0-9a-f-]{36}(?= {2}CREATED$)/m.exec(made)?.[0] ?? "";
  expect(made).toMatch(/^ {2}key +mk1\./m);
  const run = (line = ""): string => shell(line.replace("JOB", id));
  expect(run(event)).toBe("the job is RUNNING\n");
  expect(run(key)).toMatch(/^key +mk1\./);
  expect(run(event?.replace("run", "finish"))).toBe("the job is FINISHED\n");
  expect(run(watch)).toMatch(/create\n.*run #1\n.*finish #1\n.*index #1\n.*indexed #1/);
  expect(run(reset)).toBe("nothing was changed; it would remove 0 objects, 0 bytes\n");
  expect(() => run(cancel)).toThrow('only an untouched job is cancelled; send "fail"');
});
