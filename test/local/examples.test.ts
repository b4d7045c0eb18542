import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { run, runJson, type Summary } from "./millrace.ts";

/** The examples, run as a newcomer runs them, to their exact results. */

interface OutputLine {
  readonly stage: string;
  readonly data: Record<string, unknown>;
  readonly objects: readonly { key: string; sha256: string; size: number }[];
}

const once = (example: string, data: string): Promise<Summary> =>
  runJson(["dev", `pipelines/${example}`, "--once", "--json", "--port", "0", "--data", data]);

const outputsOf = ({ results }: Summary): OutputLine[] =>
  readFileSync(join(results, "outputs.ndjson"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as OutputLine);

const settled = (done: number, error = 0) => ({ waiting: 0, claimed: 0, parked: 0, error, done });

test("queue-example: five texts through two programs", async () => {
  const summary = await once("queue-example", temporaryFolder());
  expect(summary).toMatchObject({
    pipeline: "queue-example",
    put: 5,
    done: 5,
    error: 0,
    outstanding: 0,
    stages: { start: { done: 5, error: 0 }, last: { done: 5, error: 0 } },
    edges: { "queue-example": settled(5), "start-last": settled(5) },
  });
  const summaries = outputsOf(summary).map(({ data }) => data);
  expect(summaries.sort((a, b) => String(a["first"]).localeCompare(String(b["first"])))).toEqual([
    { summary: "7 words", first: "a" },
    { summary: "1 words", first: "done" },
    { summary: "11 words", first: "nothing" },
    { summary: "5 words", first: "retries" },
    { summary: "5 words", first: "work" },
  ]);
});

test("validate: twelve folders, eight of them faultless", async () => {
  const summary = await once("validate", temporaryFolder());
  expect(summary).toMatchObject({ put: 12, done: 12, error: 0, outstanding: 0 });
  const reports = outputsOf(summary).map(
    ({ data }) =>
      data as {
        allValid: boolean;
        report: string;
        summary: { productsValidated: number; passCount: number; failCount: number };
      },
  );
  const sum = (field: "productsValidated" | "passCount" | "failCount"): number =>
    reports.reduce((total, report) => total + report.summary[field], 0);
  expect([sum("productsValidated"), sum("passCount"), sum("failCount")]).toEqual([12, 8, 4]);
  expect(
    reports
      .filter(({ allValid }) => !allValid)
      .map(({ report }) => report)
      .sort(),
  ).toEqual([
    "products/00003/validation-report.json",
    "products/00005/validation-report.json",
    "products/00007/validation-report.json",
    "products/00009/validation-report.json",
  ]);
  const faults = (folder: string): unknown =>
    JSON.parse(readFileSync(join(summary.results, `products/${folder}/validation-report.json`), "utf8"));
  expect(faults("00001")).toEqual([]);
  expect(faults("00003")).toEqual([
    { product: "products/00003/product.xml", type: "error.checksum.mismatch" },
  ]);
  expect(faults("00005")).toEqual([{ product: "products/00005/product.xml", type: "error.file.missing" }]);
  expect(faults("00009")).toEqual([{ product: "products/00009/product.xml", type: "error.label.malformed" }]);
});

test("scans: nine archives, one of them damaged and one twice", async () => {
  const data = temporaryFolder();
  const summary = await once("scans", data);
  expect(summary).toMatchObject({
    pipeline: "scans",
    put: 9,
    done: 8,
    error: 1,
    outstanding: 0,
    stages: {
      decrypt: { done: 8, error: 1 },
      extract: { done: 8, error: 0 },
      modify: { done: 8, error: 0 },
      upload: { done: 8, error: 0 },
    },
    edges: {
      scans: settled(8, 1),
      "decrypt-extract": settled(8),
      "extract-modify": settled(8),
      "modify-upload": settled(8),
    },
  });

  const books = outputsOf(summary)
    .map(({ data: { barcode, pages, upload_status } }) => `${barcode} ${pages} ${upload_status}`)
    .sort();
  expect(books).toEqual([
    "32101078166681 18 uploaded",
    "32101078166699 31 uploaded",
    "32101078166707 7 uploaded",
    "32101078166715 13 uploaded",
    "32101078166723 6 uploaded",
    "uc1.b001 6 duplicate",
    "uc1.b001 6 uploaded",
    "uc1.b002 5 uploaded",
  ]);

  // What was stored is what the books say: the first page of a document, line for line.
  const stored = execFileSync(
    "tar",
    ["-xzOf", join(summary.results, "uc1.b002.tgz"), "uc1.b002/00000001.txt"],
    { encoding: "utf8" },
  );
  const original = readFileSync(join(import.meta.dirname, "../../node_modules/yaml/README.md"), "utf8")
    .split("\n")
    .slice(0, 40);
  expect(stored.split("\n")).toEqual(original.map((line) => line.trimEnd()));

  // A second start finds everything as it was, and puts nothing in twice.
  const again = await once("scans", data);
  expect(again).toMatchObject({ put: 9, done: 8, error: 1, outstanding: 0 });
});

test("scans: gpg itself reads the archives of the sample", async ({ skip }) => {
  if (spawnSync("gpg", ["--version"]).error) skip("gpg is not installed on this machine");
  const { encryptedArchive } = await import("../../pipelines/scans/stages/archive.ts");
  const archive = await encryptedArchive("b1", "first line\nsecond line", "correct horse");
  const home = temporaryFolder();
  const gpg = spawnSync(
    "gpg",
    [
      "--homedir",
      home,
      "--batch",
      "--pinentry-mode",
      "loopback",
      "--passphrase",
      "correct horse",
      "--decrypt",
    ],
    { input: archive },
  );
  expect(gpg.status).toBe(0);
  const tar = spawnSync("tar", ["-xzO"], { input: gpg.stdout, encoding: "utf8" });
  expect(tar.stdout).toBe("first line\nsecond line");
});

test("without --json the summary is for people, and says where the results and the API are", async () => {
  const data = temporaryFolder();
  const { code, stdout } = await run([
    "dev",
    "pipelines/queue-example",
    "--once",
    "--port",
    "0",
    "--data",
    data,
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+$/m);
  expect(stdout).toContain("queue-example: put 5 = done 5 + in error 0");
  expect(stdout).toContain(`results: `);
  expect(stdout).toMatch(/the API was at http:\/\/127\.0\.0\.1:\d+/);
});
