import { createReadStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { type Json, parseJson } from "../../lib/token/json.ts";
import { Client, type ClientOptions, path, withUrl } from "./client.ts";
import { CliError, EXIT, print, printJson, say } from "./terminal.ts";

interface PutOptions extends ClientOptions {
  readonly input?: string;
  readonly data?: string[];
  readonly lines?: string;
  readonly key?: string;
}

/** The API takes so many tokens in one request. */
const CHUNK = 100;

export function addPut(program: Command): void {
  withUrl(program.command("put"))
    .description("put tokens in: upload files, or send data")
    .argument("<pipeline>")
    .argument("[file...]", "files to upload; each becomes a token")
    .option("--input <name>", "which input, when there are several")
    .option("--data <json>", "the data of a token (repeatable)", (value: string, all: string[] = []) => [
      ...all,
      value,
    ])
    .option("--lines <file>", "a file of JSON lines, one token each; - is the standard input")
    .option("--key <key>", "with one --data: putting it again under the same key makes no second token")
    .action(put);
}

async function put(pipeline: string, files: readonly string[], options: PutOptions): Promise<void> {
  const client = new Client(options);
  const tokens = await tokensOf(options);
  if (files.length + tokens.length === 0) {
    throw new CliError(EXIT.usage, "nothing to put", "give files, --data JSON or --lines FILE");
  }
  const input = options.input === undefined ? {} : { input: options.input };
  const uploaded: string[] = [];
  for (const file of files) {
    uploaded.push(await upload(client, pipeline, file, input));
    say(`uploaded ${uploaded.at(-1)} (${uploaded.length} of ${files.length})`);
  }
  const ids: string[] = [];
  for (let start = 0; start < tokens.length; start += CHUNK) {
    const body = { ...input, tokens: tokens.slice(start, start + CHUNK) };
    ids.push(
      ...(await client.post<{ tokens: string[] }>(path`/v1/pipelines/${pipeline}/tokens`, body)).tokens,
    );
    if (tokens.length > CHUNK) say(`put ${ids.length} of ${tokens.length}`);
  }
  if (options.json) printJson({ tokens: ids, uploaded });
  else for (const id of ids) print(id);
}

async function tokensOf({ data = [], lines, key }: PutOptions): Promise<{ data: Json; key?: string }[]> {
  if (key !== undefined && (data.length !== 1 || lines !== undefined)) {
    throw new CliError(EXIT.usage, "--key names one token", "give it with exactly one --data");
  }
  const given = data.map((json) => ({ data: parsed(json, "--data"), ...(key !== undefined && { key }) }));
  if (lines === undefined) return given;
  const content = lines === "-" ? await text(process.stdin) : await readText(lines);
  const read = content
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [{ data: parsed(line, `${lines}:${index + 1}`) }]));
  return [...given, ...read];
}

function parsed(json: string, where: string): Json {
  try {
    return parseJson(json);
  } catch (error) {
    throw new CliError(EXIT.input, `${where} is not JSON: ${(error as Error).message}`, "nothing was put");
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(EXIT.input, `cannot read ${file}: ${(error as Error).message}`, "nothing was put");
  }
}

/** @returns the object's key */
async function upload(
  client: Client,
  pipeline: string,
  file: string,
  input: { input?: string },
): Promise<string> {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new CliError(EXIT.input, `${file} is not a file`);
  const { key, url } = await client.post<{ key: string; url: string }>(
    path`/v1/pipelines/${pipeline}/uploads`,
    { ...input, name: basename(file) },
  );
  const response = await fetch(url, {
    method: "PUT",
    body: Readable.toWeb(createReadStream(file)) as ReadableStream,
    headers: { "content-length": String(stat.size) },
    duplex: "half",
  } as RequestInit);
  if (!response.ok)
    throw new CliError(
      EXIT.service,
      `uploading ${file} failed: the bucket answered ${response.status}`,
      (await response.text()).slice(0, 300),
    );
  return key;
}
