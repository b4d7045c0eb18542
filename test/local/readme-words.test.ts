import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { run, runJson, type Summary, startDev } from "./millrace.ts";

/** The README's pipeline of one's own, as it stands: whoever copies it gets what it says. */

const ROOT = join(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The first code of a language under a heading. */
function snippet(heading: string, language: string): string {
  const section = README.split(`${heading}\n`)[1] ?? "";
  const code = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "ms").exec(section)?.[1];
  if (code === undefined) throw new Error(`there is no ${language} under "${heading}"`);
  return code;
}

/** A folder that finds the project's packages, as one below `pipelines/` does. */
function wordsFolder(): string {
  const folder = temporaryFolder();
  for (const name of ["stages", "node_modules"]) mkdirSync(join(folder, name));
  symlinkSync(ROOT, join(folder, "node_modules/millrace"));
  symlinkSync(join(ROOT, "node_modules/zod"), join(folder, "node_modules/zod"));
  writeFileSync(join(folder, "pipeline.yaml"), snippet("## A pipeline of your own", "yaml"));
  writeFileSync(join(folder, "stages/count.ts"), snippet("### A stage in TypeScript", "ts"));
  writeFileSync(join(folder, "report.py"), snippet("### A program as a stage", "python"));
  return folder;
}

test("texts are counted in TypeScript and reported in Python; an empty one is rejected", async ({ skip }) => {
  if (spawnSync("python3", ["--version"]).error) skip("Python is not installed on this machine");
  const folder = wordsFolder();
  const data = join(folder, "data");
  expect(await run(["validate", folder])).toMatchObject({ code: 0, stdout: "ok: words\n" });
  const dev = await startDev([folder, "--data", data]);
  const texts = { "a.txt": "three words here", "b.txt": "two words", "empty.txt": "" };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  const files = Object.keys(texts).map((name) => join(folder, name));
  expect(await run(["put", "words", ...files, "--url", dev.url])).toMatchObject({ code: 0 });
  const words = apiAt(dev.url, "words");
  expect(await words.settled(3)).toMatchObject({ done: 2, error: 1 });
  expect((await words.dead()).map(({ reason, error }) => [reason, error?.message])).toEqual([
    ["rejected", "an empty text"],
  ]);
  dev.kill("SIGINT");
  await dev.ended;

  const { results } = await runJson<Summary>([
    "dev",
    folder,
    "--once",
    "--json",
    "--port",
    "0",
    "--data",
    data,
  ]);
  const outputs = readFileSync(join(results, "outputs.ndjson"), "utf8").trimEnd().split("\n");
  expect(
    outputs.map((line) => (JSON.parse(line) as { data: { report: string } }).data.report).sort(),
  ).toEqual(["2 words", "3 words"]);
});
