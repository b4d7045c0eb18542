import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StageFailure } from "../stage/failure.ts";
import type { ObjectRef } from "../token/envelope.ts";
import { DATA_DEPTH, type Json, parseJson } from "../token/json.ts";
import { INPUT_FILE } from "./fetch-input.ts";
import { FileName, MAX_FILE_BYTES } from "./protocol.ts";

/**
 * What a program left in its folder, and what becomes of it. `kdp_output.json` is one output's data, `kdp_output.jsonl` a
 * line for each of several outputs, as for any command. Every other file is an object. They belong to the one output; of
 * several, each names its own in a list `files` of its line, and what none names is stored and goes nowhere.
 */

const ONE = "kdp_output.json";
const MANY = "kdp_output.jsonl";
const OWN = new Set([INPUT_FILE, ONE, MANY]);

/** Read as a whole, by this program and by whoever commits the attempt. */
const DATA_MAX_BYTES = 16 * 1024 * 1024;
/** With its list of 25,000 files the agent needs 170 MiB of its 256 (measured); 100,000 would need 450. */
const MAX_FILES = 25_000;
const MAX_OUTPUTS = 25_000;

export interface OutputFile {
  /** Relative to the folder, with "/" between steps. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

export interface FoundOutput {
  readonly files: readonly OutputFile[];
  readonly outputs: readonly { readonly data?: Json; readonly files: readonly string[] }[];
}

/** @throws StageFailure `output-missing`, `output-invalid` */
export async function findOutput(folder: string): Promise<FoundOutput> {
  // A program that puts a link in its place would have this one read elsewhere.
  const isFolder = (await lstat(folder).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder) throw invalid("the program's folder is gone, or is no longer a folder");
  const all = await filesBelow(folder, "");
  const files = all.filter(({ name }) => !OWN.has(name));
  const names = files.map(({ name }) => name);
  const [one, many] = [ONE, MANY].map((name) => all.find((file) => file.name === name));
  if (one) return { files, outputs: [{ data: parsed(await textOf(one), ONE), files: names }] };
  if (many) return { files, outputs: linesOf(await textOf(many), new Set(names)) };
  if (files.length > 0) return { files, outputs: [{ files: names }] };
  throw new StageFailure(
    "output-missing",
    `the program left neither ${ONE}, nor ${MANY}, nor any other file`,
  );
}

function linesOf(text: string, names: ReadonlySet<string>): FoundOutput["outputs"] {
  const lines = text.split("\n");
  const count = lines.filter((line) => line.trim() !== "").length;
  if (count > MAX_OUTPUTS)
    throw invalid(`${MANY} has ${count} outputs, at most ${MAX_OUTPUTS} are taken: let each stand for more`);
  return lines.flatMap((line, index) => {
    if (line.trim() === "") return [];
    const where = `${MANY}, line ${index + 1},`;
    const data = parsed(line, where);
    const files = filesIn(data);
    const missing = files.find((name) => !names.has(name));
    if (missing !== undefined) throw invalid(`${where} names the file "${missing}", which is not there`);
    return [{ data, files }];
  });
}

function filesIn(data: Json): string[] {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return [];
  const { files } = data;
  if (!Array.isArray(files)) return [];
  return [...new Set(files.filter((name) => typeof name === "string"))];
}

async function filesBelow(folder: string, below: string): Promise<OutputFile[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const found: OutputFile[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(folder, name)));
    else found.push(await fileAt(folder, name));
    if (found.length > MAX_FILES)
      throw invalid(`the program left more than ${MAX_FILES} files: let it pack them into archives`);
  }
  return found;
}

async function fileAt(folder: string, name: string): Promise<OutputFile> {
  const path = join(folder, name);
  // A link could lead out of the folder, and a pipe would be read for ever.
  const found = await lstat(path).catch(() => undefined);
  if (!found) throw invalid(`"${name}" cannot be found: its name is no valid UTF-8, or it went away`);
  if (!found.isFile()) throw invalid(`"${name}" is no regular file`);
  if (found.size > MAX_FILE_BYTES)
    throw invalid(
      `"${name}" has ${found.size} bytes, a file may have ${MAX_FILE_BYTES} (5 GiB): let the program write it in pieces`,
    );
  const checked = FileName.safeParse(name);
  if (!checked.success)
    throw invalid(`${JSON.stringify(name)} cannot be an object's name: ${checked.error.issues[0]?.message}`);
  return { name, path, size: found.size };
}

async function textOf({ name, path, size }: OutputFile): Promise<string> {
  if (size > DATA_MAX_BYTES) throw invalid(`${name} has ${size} bytes, at most ${DATA_MAX_BYTES} are read`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    throw new StageFailure("output-invalid", `${name} is not valid UTF-8`, { cause });
  }
}

function parsed(text: string, what: string): Json {
  try {
    return parseJson(text, DATA_DEPTH);
  } catch (cause) {
    throw new StageFailure("output-invalid", `${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

const invalid = (message: string): StageFailure => new StageFailure("output-invalid", message);

/** An output with its files as the objects that they have become. */
export const withObjects = (
  { outputs }: FoundOutput,
  objects: ReadonlyMap<string, ObjectRef>,
): { data?: Json; objects: ObjectRef[] }[] =>
  outputs.map(({ data, files }) => ({
    ...(data !== undefined && { data }),
    objects: files.map((name) => {
      const object = objects.get(name);
      if (!object) throw new Error(`the file "${name}" was not stored`);
      return object;
    }),
  }));
