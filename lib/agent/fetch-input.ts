import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Payload } from "../token/envelope.ts";
import type { Json } from "../token/json.ts";
import type { AgentApi, AgentDependencies } from "./agent-api.ts";
import type { AgentAttempt, InputPage } from "./protocol.ts";
import { download, inParallel, renewing } from "./transfer.ts";

/** The first container of a pod: brings the token's data and objects into the folders that the user's container finds. */

export interface Folders {
  /** `MILLRACE_IN`: the token's objects, and `token.json`. */
  readonly in: string;
  /** `MILLRACE_OUT`: the folder that the program runs in, with the data in `kdp_input.json`. */
  readonly out: string;
}

const TRANSFERS_AT_ONCE = 8;

/** By KDP's contract. */
export const INPUT_FILE = "kdp_input.json";

/**
 * @param callback where the program may report on the token, when its environment does not say so
 * @throws Refused when the attempt is over, or an object is not there
 */
export async function fetchInput(
  api: AgentApi,
  folders: Folders,
  dependencies: AgentDependencies,
  callback?: AgentAttempt["callback"],
): Promise<{ objects: number; bytes: number }> {
  await Promise.all([folders.in, folders.out].map(sharedFolder));
  const first = await api.input(0);
  const listed: { name: string; key: string; size: number; sha256?: string }[] = [];
  for (let page: InputPage | undefined = first; page; ) {
    await fetchPage(page, listed.length, api, folders, dependencies);
    for (const { name, object } of page.objects) {
      const { key, size, sha256 } = object;
      listed.push({ name, key, size, ...(sha256 !== undefined && { sha256 }) });
    }
    page = page.next === undefined ? undefined : await api.input(page.next);
  }
  const { token, run, attempt } = first;
  const data = await dataOf(first, api, folders, dependencies);
  await writeFile(
    join(folders.in, "token.json"),
    JSON.stringify({ id: token, run, attempt, data, objects: listed, ...(callback && { callback }) }),
  );
  await writeFile(join(folders.out, INPUT_FILE), JSON.stringify(data));
  return { objects: listed.length, bytes: listed.reduce((sum, { size }) => sum + size, 0) };
}

/** What is too large for an answer of the API lies in the bucket. */
async function dataOf(
  first: InputPage,
  api: AgentApi,
  folders: Folders,
  dependencies: AgentDependencies,
): Promise<Json> {
  if (!first.payload) return first.data ?? null;
  // No file of a token begins with a dot.
  const file = join(folders.in, ".payload.json");
  let current: InputPage | undefined = first;
  await renewing(async () => {
    const { payload } = current ?? (await api.input(0));
    current = undefined;
    if (payload) await download(payload.url, payload.object, file, dependencies);
  });
  const { data = null } = Payload.parse(JSON.parse(await readFile(file, "utf8")));
  await rm(file);
  return data;
}

/** The program may run as another user than this one: what they have in common is the pod's group (`fsGroup`). */
async function sharedFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o2775);
}

async function fetchPage(
  page: InputPage,
  from: number,
  api: AgentApi,
  folders: Folders,
  dependencies: AgentDependencies,
): Promise<void> {
  const done = new Set<string>();
  let current: InputPage | undefined = page;
  await renewing(async () => {
    const { objects } = current ?? (await api.input(from));
    current = undefined;
    const left = objects.filter(({ name }) => !done.has(name));
    await inParallel(left, TRANSFERS_AT_ONCE, async ({ name, object, url }) => {
      await download(url, object, join(folders.in, name), dependencies);
      done.add(name);
    });
  });
}
