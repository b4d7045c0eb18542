import { accessSync, constants, createReadStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import { MAX_FILE_BYTES } from "../../lib/agent/protocol.ts";
import { MAX_DATA_BYTES } from "../../lib/api/token-routes.ts";
import { path } from "../../lib/client/api-client.ts";
import { type Json, parseJson } from "../../lib/token/json.ts";
import { Client, type ClientOptions, withUrl } from "./client.ts";
import { CliError, EXIT, print, printable, printJson, say } from "./terminal.ts";

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
  // Whatever can be wrong here is found before anything is put.
  const tokens = await tokensOf(options);
  for (const file of files) requireUploadable(file);
  if (files.length + tokens.length === 0) {
    throw new CliError(EXIT.usage, "nothing to put", "give files, --data JSON or --lines FILE");
  }
  const done = { tokens: [] as string[], uploaded: [] as string[] };
  const target = { client: new Client(options), pipeline, input: options.input };
  const tell = options.json ? () => {} : print;
  try {
    for (const file of files) {
      const key = await upload(file, target);
      done.uploaded.push(key);
      tell(printable(key));
      if (files.length > 1) say(`uploaded ${done.uploaded.length} of ${files.length}`);
    }
    for (let start = 0; start < tokens.length; start += CHUNK) {
      const ids = await send(tokens.slice(start, start + CHUNK), target);
      done.tokens.push(...ids);
      for (const id of ids) tell(id);
      if (tokens.length > CHUNK) say(`put ${done.tokens.length} of ${tokens.length}`);
    }
  } finally {
    // Also when it ends half-way: what has been put is not put again by mistake.
    if (options.json) printJson(done);
  }
}

interface Target {
  readonly client: Client;
  readonly pipeline: string;
  readonly input: string | undefined;
}

async function send(tokens: readonly unknown[], { client, pipeline, input }: Target): Promise<string[]> {
  const answer = await client.post<{ tokens: string[] }>(path`/v1/pipelines/${pipeline}/tokens`, {
    input,
    tokens,
  });
  return answer.tokens;
}

async function tokensOf({ data = [], lines, key }: PutOptions): Promise<{ data: Json; key?: string }[]> {
  if (key !== undefined && (data.length !== 1 || lines !== undefined)) {
    throw new CliError(EXIT.usage, "--key names one token", "give it with exactly one --data");
  }
  const given = data.map((json) => ({ data: parsed(json, "--data"), ...(key !== undefined && { key }) }));
  if (lines === undefined) return given;
  const content = decoded(lines, lines === "-" ? await buffer(process.stdin) : await readBytes(lines));
  const read = content
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [{ data: parsed(line, `${lines}:${index + 1}`) }]));
  return [...given, ...read];
}

const NOTHING_PUT = "nothing was put";

function parsed(json: string, where: string): Json {
  let data: Json;
  try {
    data = parseJson(json);
  } catch (error) {
    throw new CliError(EXIT.input, `${where} is not JSON: ${(error as Error).message}`, NOTHING_PUT);
  }
  const size = Buffer.byteLength(JSON.stringify(data));
  if (size <= MAX_DATA_BYTES) return data;
  throw new CliError(
    EXIT.input,
    `${where} has ${size} bytes, at most ${MAX_DATA_BYTES} are taken`,
    `${NOTHING_PUT}; upload it as a file`,
  );
}

function decoded(where: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CliError(EXIT.input, `${where} is not valid UTF-8`, NOTHING_PUT);
  }
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new CliError(EXIT.input, `cannot read ${file}: ${(error as Error).message}`, NOTHING_PUT);
  }
}

function requireUploadable(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) throw new CliError(EXIT.input, `${file} is not a file`, NOTHING_PUT);
  if (found.size > MAX_FILE_BYTES)
    throw new CliError(
      EXIT.input,
      `${file} has ${found.size} bytes, and one upload takes at most ${MAX_FILE_BYTES}`,
      `${NOTHING_PUT}; aws s3 cp uploads it in parts, below the input's prefix`,
    );
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new CliError(EXIT.input, `cannot read ${file}: ${(error as Error).message}`, NOTHING_PUT);
  }
}

/** @returns the object's key */
async function upload(file: string, { client, pipeline, input }: Target): Promise<string> {
  const { key, url } = await client.post<{ key: string; url: string }>(
    path`/v1/pipelines/${pipeline}/uploads`,
    {
      input,
      name: basename(file),
    },
  );
  const response = await fetch(url, {
    method: "PUT",
    body: Readable.toWeb(createReadStream(file)) as ReadableStream,
    headers: { "content-length": String(statSync(file).size) },
    duplex: "half",
  } as RequestInit).catch((error: Error & { cause?: Error }) => {
    const why = error.cause?.message || error.message;
    throw new CliError(
      EXIT.service,
      `uploading ${file} failed: ${new URL(url).origin}: ${why}`,
      "what was uploaded before it is above; put the rest again",
    );
  });
  if (!response.ok)
    throw new CliError(
      EXIT.service,
      `uploading ${file} failed: the bucket answered ${response.status}`,
      (await response.text()).slice(0, 300),
    );
  return key;
}
