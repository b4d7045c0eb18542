import { chmodSync, existsSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { run } from "./millrace.ts";

/** Folders that cannot hold the runtime's state: it says so and ends at once, and leaves nothing behind. */

const HOP = "test/local/pipelines/hop";
const dev = (data: string, options: { uid?: number } = {}) =>
  run(["dev", HOP, "--once", "--port", "0", "--data", data], options);

/** How it ends in a folder that cannot be used. */
const refused = (data: string, why: string) => ({
  code: 1,
  signal: null,
  stdout: "",
  stderr: `error: ${data} cannot hold the runtime's state: ${why}\n  name a folder that can be written to: --data DIR\n`,
});

test.skipIf(!existsSync("/proc/self"))("one in which the kernel lets nobody make anything", async () => {
  expect(await dev("/proc/nope")).toEqual(refused("/proc/nope", "no folder can be made in /proc"));
});

test.for([
  ["a file", "file", (data: string, folder: string) => refused(data, `${folder}/file is no folder`)],
  [
    "below a file",
    "file/a/b",
    (data: string, folder: string) => refused(data, `${folder}/file is no folder`),
  ],
  [
    "a link that leads round",
    "round",
    (data: string) => refused(data, "links in the path lead round in a circle"),
  ],
  [
    "one whose name is too long",
    `new/${"n".repeat(256)}`,
    (data: string) => refused(data, "a name in the path is too long"),
  ],
] as const)("%s", async ([, name, expected]) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "file"), "");
  symlinkSync("round", join(folder, "round"));
  const data = join(folder, name);
  expect(await dev(data)).toEqual(expected(data, folder));
  expect(readdirSync(folder).sort()).toEqual(["file", "round"]);
});

test("one whose path is too long for the files in it; one just as long as can be is used", async () => {
  const folder = temporaryFolder();
  const ofLength = (length: number): string => {
    const long = join(folder, "d".repeat(200), "e".repeat(100));
    return join(long, "f".repeat(length - long.length - 1));
  };
  expect(await dev(ofLength(476))).toEqual(
    refused(ofLength(476), "the path has 476 bytes, at most 475 leave room for what is below"),
  );
  expect(readdirSync(folder)).toEqual([]);
  expect(await dev(ofLength(475))).toMatchObject({ code: 0, stderr: "" });
});

test("one in a folder that may only be read, and one that is such a folder", async () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o555);
  // To the administrator nothing is forbidden.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534 } : {};
  const why = `permission is denied in ${folder}`;
  expect(await dev(join(folder, "data"), nobody)).toEqual(refused(join(folder, "data"), why));
  expect(await dev(folder, nobody)).toEqual(refused(folder, why));
  expect(readdirSync(folder)).toEqual([]);
});

test("none at all", async () => {
  expect(await dev("")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: "error: --data names no folder\n  name one: --data DIR\n",
  });
});
