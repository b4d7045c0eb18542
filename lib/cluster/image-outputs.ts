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
 * What an attempt of a lasting job has put out. One in a cluster: what its manifest says, if it has left one. It may have, though
 * its stage is finished by callback: by an earlier definition, with the agent behind the program, or because the program
 * keeps such a list itself. Otherwise whoever reports the end says what it is.
 */
export function attemptOutputs(archive: Archive, objects: ObjectStore): OutputsOf {
  const reported = externalOutputs(archive);
  return async (row, call, place) => {
    const { pipeline, stage } = place;
    if (stage.work.kind !== "image") return reported(row, call, place);
    const found = await manifestAt(row, archive);
    if (!found && stage.work.finishedBy === "callback") return reported(row, call, place);
    if (!found) throw new StageFailure("output-missing", "the attempt has left no manifest");
    const text = (await readBytes(objects, found)).toString("utf8");
    const manifest = readManifest(text, { job: row.id, attempt: row.begun, path: row.path });
    const routing = { fanout: stage.fanout, edges: stage.out.map((id) => edgeOf(pipeline, id)) };
    return Promise.all(manifest.outputs.map((output) => checkOutput(output, undefined, routing)));
  };
}
