import { manifestKey, readManifest } from "../agent/manifest-file.ts";
import type { ArchiveStore } from "../archive/store.ts";
import type { LastingJob } from "../job/lasting.ts";
import { edgeOf } from "../plan/find.ts";
import { externalOutputs } from "../stage/external.ts";
import { StageFailure } from "../stage/failure.ts";
import type { OutputsOf } from "../stage/lasting.ts";
import { checkOutput } from "../stage/outputs.ts";
import { type ObjectStore, readBytes } from "../token/objects.ts";

type Archive = Pick<ArchiveStore, "list">;

async function manifestAt({ path }: LastingJob, archive: Archive) {
  const key = manifestKey(path);
  for await (const found of archive.list(key)) if (found.key === key) return found;
  return undefined;
}

export const hasManifest =
  (archive: Archive) =>
  async (row: LastingJob): Promise<boolean> =>
    (await manifestAt(row, archive)) !== undefined;

/**
 * What an attempt in a cluster has put out: what its manifest says, if it has left one. It may have, though its stage is
 * finished by callback: by an earlier definition, with the agent behind the program, or because the program keeps such a
 * list itself. Otherwise a program that reports its end says what it has put out, as another system does.
 */
export const imageOutputs =
  (archive: Archive, objects: ObjectStore): OutputsOf =>
  async (row, call, place) => {
    const { pipeline, stage } = place;
    const found = await manifestAt(row, archive);
    if (!found && stage.work.kind === "image" && stage.work.finishedBy === "callback")
      return externalOutputs(archive)(row, call, place);
    if (!found) throw new StageFailure("output-missing", "the attempt has left no manifest");
    const text = (await readBytes(objects, found)).toString("utf8");
    const manifest = readManifest(text, { job: row.id, attempt: row.begun, path: row.path });
    const routing = { fanout: stage.fanout, edges: stage.out.map((id) => edgeOf(pipeline, id)) };
    return Promise.all(manifest.outputs.map((output) => checkOutput(output, undefined, routing)));
  };

/** By the kind of the stage. */
export const outputsByKind =
  (ways: { readonly image: OutputsOf; readonly external: OutputsOf }): OutputsOf =>
  (row, call, place) =>
    ways[place.stage.work.kind === "image" ? "image" : "external"](row, call, place);
