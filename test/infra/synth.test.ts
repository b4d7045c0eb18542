import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { anyCode, temporaryFolder } from "./stacks.ts";

/** Every synthesis is checked by the CDK's validator, by cdk-nag and by our own rules, with nothing but this machine. */

const ROOT = join(import.meta.dirname, "../..");
const CONTEXT = (JSON.parse(readFileSync(join(ROOT, "cdk.json"), "utf8")) as { context: object }).context;

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Runs a CDK app as the CDK's command line does: what it passes on, and no credentials of anybody's. */
async function synthesize(args: readonly string[], context: object = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      HOME: temporaryFolder(),
      MILLRACE_TEST_RUN: process.env["MILLRACE_TEST_RUN"],
      CDK_OUTDIR: temporaryFolder(),
      CDK_CONTEXT_JSON: JSON.stringify({ ...CONTEXT, ...context }),
      // Whoever would ask somebody else is refused at once.
      HTTPS_PROXY: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
      NODE_USE_ENV_PROXY: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const said = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, said: said.join("\n") };
}

const FIXTURE = join(import.meta.dirname, "fixtures/broken-app.ts");

test.concurrent("our own templates pass every check", async () => {
  expect(await synthesize([FIXTURE, anyCode()])).toMatchObject({ code: 0 });
});

test.concurrent("each checker finds what is wrong in a broken one, and that is an error", async () => {
  const { code, said } = await synthesize([FIXTURE, anyCode(), "broken"]);
  expect(code).not.toBe(0);
  const errors = said.split("\n\n").filter((finding) => /^ERROR /m.test(finding));
  for (const [checker, what] of [
    ["CloudFormation Validate", "TopicNane"],
    ["CloudFormation Validate", "99999"],
    ["AwsSolutions", "AwsSolutions-S10"],
    ["Millrace", "queue-without-dead-letters"],
  ] as const) {
    const found = errors.filter((finding) => finding.includes(`(${checker})`) && finding.includes(what));
    expect(found, `${checker}: ${what} in\n${said}`).not.toEqual([]);
  }
});

test.concurrent("a stage that needs a cluster, and there is none, is named", async () => {
  const { code, said } = await synthesize(["infra/app.ts"], { pipelines: "pipelines/validate" });
  expect(code).toBe(1);
  expect(said).toContain(
    'the stage "validate-directory" of "validate" runs in a cluster, and nothing says which',
  );
  expect(said).toContain("-c cluster=NAME");
});
