import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { requireDefinitions } from "../../lib/definition/files.ts";
import { KEY_RING_SECRET } from "../../lib/job/callback-key.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { bundle, LIGHT_FUNCTIONS, loadedBy, OTHER_FUNCTIONS } from "./bundle.ts";

/**
 * Prints what each function loads before it is called: bytes, and the CPU time of it, as the median of fresh processes.
 * `npm run size -- [definitions…]`
 */
const STARTS = 20;

/** What Lambda's runtime has loaded before it loads a handler. */
const LOADED = ["node:http", "node:https", "node:crypto", "node:stream"];

const paths = process.argv.slice(2);
const plan = makePlan(requireDefinitions(paths.length > 0 ? paths : ["pipelines/scans"]));
const [pipeline] = plan.pipelines;
const [stage] = pipeline?.stages ?? [];
const directory = mkdtempSync(join(tmpdir(), "millrace-size-"));

try {
  const code = await bundle(plan, directory);
  const env = {
    AWS_REGION: "eu-west-1",
    MILLRACE_PLAN: join(directory, "plan.json"),
    MILLRACE_QUEUE_BASE: "https://sqs.eu-west-1.amazonaws.com/000000000000/",
    MILLRACE_BUCKET: "bucket",
    MILLRACE_PIPELINE: pipeline?.id,
    MILLRACE_STAGE: stage?.name,
    MILLRACE_DIRECTORY: directory,
    // What some read while they are loaded comes from files, and what they would call is nowhere: nothing is sent.
    MILLRACE_KEYS: directory,
    MILLRACE_NAMESPACE: "millrace",
    MILLRACE_AGENT_IMAGE: "agent",
    MILLRACE_API_URL: "http://127.0.0.1:9",
    MILLRACE_CLUSTER_ENDPOINT: "http://127.0.0.1:9",
    MILLRACE_CLUSTER_TOKEN: "token",
  };
  const ring = JSON.stringify({ current: "k1", k1: "00".repeat(32) });
  writeFileSync(join(directory, `${KEY_RING_SECRET}.json`), ring);
  for (const name of [...LIGHT_FUNCTIONS, ...OTHER_FUNCTIONS]) {
    const metafile = LIGHT_FUNCTIONS.includes(name) ? code.light : code.rest;
    const kilobytes = loadedBy(metafile, `functions/${name}`).bytes / 1000;
    const milliseconds = median(() => cpuOf(join(directory, "functions", `${name}.mjs`), env));
    process.stdout.write(
      `${name.padEnd(15)} ${kilobytes.toFixed(0).padStart(5)} KB ${milliseconds.toFixed(0).padStart(5)} ms CPU\n`,
    );
  }
} finally {
  rmSync(directory, { recursive: true });
}

function cpuOf(file: string, env: NodeJS.ProcessEnv): number {
  const program = [
    ...LOADED.map((module) => `import "${module}";`),
    "const before = process.cpuUsage();",
    `await import("${pathToFileURL(file).href}");`,
    "const { user, system } = process.cpuUsage(before);",
    "process.stdout.write(String((user + system) / 1000));",
  ].join("\n");
  return Number(execFileSync(process.execPath, ["--input-type=module", "--eval", program], { env }));
}

function median(measure: () => number): number {
  const figures = Array.from({ length: STARTS }, measure).sort((a, b) => a - b);
  return figures[STARTS / 2] ?? Number.NaN;
}
