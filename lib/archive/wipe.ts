import type { FileIndex, FileOwner } from "./file-index.ts";
import { archivePrefix } from "./path.ts";
import { type ArchiveStore, REMOVED_AT_ONCE } from "./store.ts";

export interface Wiped {
  readonly objects: number;
  readonly bytes: number;
}

/** Forgets what was indexed of a job. */
export async function forgetFiles(job: FileOwner, files: FileIndex): Promise<void> {
  for await (const { name } of files.list(job)) await files.remove(job, name);
}

/**
 * Empties an archive path, or, as a dry run, only counts what that would take away. It may be repeated, and goes on where it
 * was interrupted.
 *
 * @throws MillraceError `no-archive-path` when the path is none that a job can have
 */
export async function wipeArchive(
  path: string,
  store: ArchiveStore,
  { dryRun }: { dryRun: boolean },
): Promise<Wiped> {
  const prefix = archivePrefix(path);
  let objects = 0;
  let bytes = 0;
  let batch: string[] = [];
  const remove = async (): Promise<void> => {
    if (batch.length > 0 && !dryRun) await store.remove(batch);
    batch = [];
  };
  for await (const { key, size } of store.list(prefix)) {
    objects += 1;
    bytes += size;
    batch.push(key);
    if (batch.length === REMOVED_AT_ONCE) await remove();
  }
  await remove();
  return { objects, bytes };
}
