import { execFileSync } from "node:child_process";
import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findOutput, withObjects } from "../../../lib/agent/output-files.ts";
import { folderOf } from "./folders.ts";

const found = async (files: Record<string, string>) => {
  const { files: stored, outputs } = await findOutput(folderOf(files));
  return { stored: stored.map(({ name, size }) => `${name} ${size}`), outputs };
};

test("data and every other file are one output; our own files are none", async () => {
  expect(
    await found({ "kdp_input.json": "{}", "kdp_output.json": '{"pages":2}', "b/2.png": "22", "a.png": "1" }),
  ).toEqual({
    stored: ["a.png 1", "b/2.png 2"],
    outputs: [{ data: { pages: 2 }, files: ["a.png", "b/2.png"] }],
  });
});

test("files alone are an output without data", async () => {
  expect(await found({ "x.txt": "" })).toEqual({ stored: ["x.txt 0"], outputs: [{ files: ["x.txt"] }] });
});

test("lines are outputs, each with the files that it names", async () => {
  const lines = '{"page":1,"files":["1.png","1.png"]}\n\n{"page":2}\n"three"\n';
  expect(await found({ "kdp_output.jsonl": lines, "1.png": "1", "log.txt": "l" })).toEqual({
    stored: ["1.png 1", "log.txt 1"],
    outputs: [
      { data: { page: 1, files: ["1.png", "1.png"] }, files: ["1.png"] },
      { data: { page: 2 }, files: [] },
      { data: "three", files: [] },
    ],
  });
});

test("no line is no output, and that is what the program said", async () => {
  expect(await found({ "kdp_output.jsonl": "" })).toEqual({ stored: [], outputs: [] });
});

test.for([
  [
    "nothing",
    { "kdp_input.json": "{}" },
    "output-missing",
    "the program left neither kdp_output.json, nor kdp_output.jsonl, nor any other file",
  ],
  ["half a document", { "kdp_output.json": '{"a":' }, "output-invalid", "kdp_output.json is not JSON: "],
  [
    "a broken line",
    { "kdp_output.jsonl": "{}\n{" },
    "output-invalid",
    "kdp_output.jsonl, line 2, is not JSON: ",
  ],
  [
    "a file that is not there",
    { "kdp_output.jsonl": '{"files":["x"]}' },
    "output-invalid",
    'kdp_output.jsonl, line 1, names the file "x", which is not there',
  ],
  [
    "a depth that cannot be stored",
    { "kdp_output.json": "[".repeat(191) + "]".repeat(191) },
    "output-invalid",
    "kdp_output.json is not JSON: ",
  ],
  [
    "more outputs than can be committed",
    { "kdp_output.jsonl": "1\n".repeat(25_001) },
    "output-invalid",
    "kdp_output.jsonl has 25001 outputs, at most 25000 are taken: let each stand for more",
  ],
  [
    "a path of more bytes than fit into a key",
    { [`${"日".repeat(80)}/${"本".repeat(80)}/${"a".repeat(31)}`]: "" },
    "output-invalid",
    "cannot be an object's name: at most 512 bytes",
  ],
  ["a name with a line break", { "a\nb": "" }, "output-invalid", '"a\\nb" cannot be an object\'s name'],
] as const)("%s: the attempt fails for that reason", async ([, files, reason, message]) => {
  await expect(findOutput(folderOf(files))).rejects.toMatchObject({
    reason,
    message: expect.stringContaining(message),
  });
});

test("a file that one request cannot carry is refused before anything is read", async () => {
  const folder = folderOf({ "video.mp4": "", "a.txt": "a" });
  // Without content: it takes no room on the disk.
  truncateSync(join(folder, "video.mp4"), 5 * 1024 ** 3);
  expect((await findOutput(folder)).files.map(({ size }) => size)).toEqual([1, 5 * 1024 ** 3]);
  truncateSync(join(folder, "video.mp4"), 5 * 1024 ** 3 + 1);
  await expect(findOutput(folder)).rejects.toMatchObject({
    reason: "output-invalid",
    message:
      '"video.mp4" has 5368709121 bytes, a file may have 5368709120 (5 GiB): let the program write it in pieces',
  });
});

test("a file whose name is no UTF-8 is the program's fault", async () => {
  const folder = folderOf();
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from([0xff])]), "");
  await expect(findOutput(folder)).rejects.toMatchObject({ reason: "output-invalid" });
});

test("a text that is no UTF-8 is not read as if it were", async () => {
  const folder = folderOf();
  writeFileSync(join(folder, "kdp_output.json"), Buffer.from([0x22, 0xff, 0x22]));
  await expect(findOutput(folder)).rejects.toMatchObject({ reason: "output-invalid" });
});

test.for(["link", "pipe"])("a %s is not followed", async (kind) => {
  const folder = folderOf({ "kdp_output.json": "{}" });
  if (kind === "link") symlinkSync("/etc/passwd", join(folder, "leak"));
  else execFileSync("mkfifo", [join(folder, "leak")]);
  await expect(findOutput(folder)).rejects.toMatchObject({
    reason: "output-invalid",
    message: '"leak" is no regular file',
  });
});

test("files become the objects that they were stored as", async () => {
  const output = await findOutput(folderOf({ "kdp_output.json": "1", "a.txt": "a" }));
  const object = { key: "out/a.txt", size: 1, etag: '"e"' };
  expect(withObjects(output, new Map([["a.txt", object]]))).toEqual([{ data: 1, objects: [object] }]);
  expect(() => withObjects(output, new Map())).toThrow('the file "a.txt" was not stored');
});
