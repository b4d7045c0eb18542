import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StageFailure } from "../stage/failure.ts";
import type { ObjectRef } from "../token/envelope.ts";
import type { AgentApi, AgentDependencies } from "./agent-api.ts";
import { findOutput, type OutputFile, withObjects } from "./output-files.ts";
import { type EventAnswer, MAX_MANIFEST_BYTES, type Manifest, PAGE } from "./protocol.ts";
import { inParallel, renewing, sha256Of, upload } from "./transfer.ts";

/**
 * The last container of a pod: stores what the program left below the pod's own prefix, then, last of all and only if there
 * is none, the attempt's manifest, and then says that the attempt has finished. Until the manifest is there the attempt has
 * put out nothing; of two pods of one attempt the first manifest counts. If nobody hears the last word, the manifest is found.
 */

export interface PublishedAttempt {
  readonly job: string;
  readonly attempt: number;
  readonly pod: string;
}

const TRANSFERS_AT_ONCE = 8;

export interface PublishedOutput {
  readonly files: number;
  readonly bytes: number;
  /** Another pod of the attempt had a manifest there first: its outputs count. */
  readonly isOurs: boolean;
  readonly answer: EventAnswer;
}

/**
 * @throws StageFailure when the output is none; Refused when the attempt is over
 */
export async function publishOutput(
  { job, attempt, pod }: PublishedAttempt,
  folder: string,
  api: AgentApi,
  dependencies: AgentDependencies,
): Promise<PublishedOutput> {
  const found = await findOutput(folder);
  const objects = new Map<string, ObjectRef>();
  for (let start = 0; start < found.files.length; start += PAGE) {
    await storePage(found.files.slice(start, start + PAGE), pod, objects, api, dependencies);
  }
  const manifest: Manifest = { v: 1, job, attempt, pod, outputs: withObjects(found, objects) };
  const isOurs = await storeManifest(manifest, api, dependencies);
  const stored = { files: found.files.length, bytes: found.files.reduce((sum, { size }) => sum + size, 0) };
  const answer = await api.event({ event: "finish", eventId: `finish-${attempt}`, data: { pod, ...stored } });
  return { ...stored, isOurs, answer };
}

/** Stores some files; URLs that have grown too old meanwhile are asked for anew. */
async function storePage(
  files: readonly OutputFile[],
  pod: string,
  objects: Map<string, ObjectRef>,
  api: AgentApi,
  dependencies: AgentDependencies,
): Promise<void> {
  const hashed = await inParallel(files, TRANSFERS_AT_ONCE, async (file) => ({
    ...file,
    sha256: await sha256Of(file.path),
  }));
  await renewing(async () => {
    const left = hashed.filter(({ name }) => !objects.has(name));
    const asked = left.map(({ name, size, sha256 }) => ({ name, size, sha256 }));
    const uploads = await api.uploads({ pod, files: asked });
    await inParallel([...left.entries()], TRANSFERS_AT_ONCE, async ([index, file]) => {
      const to = uploads[index];
      if (!to) throw new Error(`the API gave no URL for "${file.name}"`);
      const object = await upload(to, file, dependencies);
      if (!object) throw new Error(`"${file.name}" was not stored: there is such an object already`);
      objects.set(file.name, object);
    });
  });
}

/** @returns false when there was one: another pod's, or this one's own when the first answer was lost */
async function storeManifest(
  manifest: Manifest,
  api: AgentApi,
  dependencies: AgentDependencies,
): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-"));
  try {
    const path = join(folder, "manifest.json");
    const text = JSON.stringify(manifest);
    await writeFile(path, text);
    const [size, sha256] = [Buffer.byteLength(text), await sha256Of(path)];
    if (size > MAX_MANIFEST_BYTES)
      throw new StageFailure(
        "output-invalid",
        `the list of what the program left has ${size} bytes, at most ${MAX_MANIFEST_BYTES} are kept: let it leave fewer files, or less data for each output`,
      );
    const stored = await renewing(async () =>
      upload(await api.manifest({ size, sha256 }), { path, size, sha256 }, dependencies),
    );
    return stored !== undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
