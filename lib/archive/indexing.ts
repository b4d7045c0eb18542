import { createHash } from "node:crypto";
import type { FileEntry, FileIndex, FileOwner } from "./file-index.ts";
import { mediaType } from "./media-type.ts";
import { listedPrefix } from "./path.ts";
import { type LevelPatterns, levelOf } from "./pattern.ts";
import type { ArchivedObject, ArchiveStore } from "./store.ts";

export interface Indexing {
  readonly job: FileOwner;
  readonly path: string;
  /** The stage that made the files. */
  readonly generatedBy: string;
  /** Files that none of these fits are left out. Without any, all are indexed, and have no level. */
  readonly levels: readonly LevelPatterns[];
}

export interface IndexingDependencies {
  readonly archive: ArchiveStore;
  readonly files: FileIndex;
  /** False when there is no time left for another file. */
  hasTime(): boolean;
}

/** What an index holds when it is complete, and what it took to make it so. */
export interface Indexed {
  /** False: time ran out. Doing it again goes on behind what is on record. */
  readonly isComplete: boolean;
  readonly files: number;
  readonly bytes: number;
  /** Files by level; those without one are under `-`. */
  readonly levels: Readonly<Record<string, number>>;
  /** Files that had to be read. */
  readonly read: number;
  /** Entries whose files are gone. */
  readonly removed: number;
}

/**
 * Brings the record of a job's files in line with what lies below its archive path. Both are read in the same order, side by
 * side, so that neither has to fit into memory; a file whose entry is current is not read again, and what was done once is
 * not undone by a crash.
 */
export async function indexArchive(
  indexing: Indexing,
  { archive, files, hasTime }: IndexingDependencies,
): Promise<Indexed> {
  const { job } = indexing;
  const prefix = listedPrefix(indexing.path);
  const counts = new Counts();
  for await (const [object, known] of sideBySide(archive.list(prefix), files.list(job), prefix)) {
    if (!hasTime()) return counts.indexed(false);
    const about = object && aboutOf(object.key.slice(prefix.length), indexing);
    const entry = object && about && (await entryFor(object, known, about, archive));
    if (entry && entry !== known) await files.put(job, entry);
    if (known && !entry) await files.remove(job, known.name);
    counts.add(entry, known);
  }
  return counts.indexed(true);
}

type About = Pick<FileEntry, "name" | "level" | "generatedBy">;

/** Undefined for a file that is left out, for our own (`_…`), and for what consoles make to show a folder. */
function aboutOf(name: string, { levels, generatedBy }: Indexing): About | undefined {
  if (name === "" || name.startsWith("_") || name.endsWith("/")) return undefined;
  const level = levelOf(name, levels);
  if (level !== undefined) return { name, level, generatedBy };
  return levels.length === 0 ? { name, generatedBy } : undefined;
}

class Counts {
  readonly #counts = { files: 0, bytes: 0, read: 0, removed: 0 };
  readonly #levels = new Map<string, number>();

  /** @param entry as it is now; both are absent for a file that is left out */
  add(entry: FileEntry | undefined, known: FileEntry | undefined): void {
    if (!entry) {
      if (known) this.#counts.removed += 1;
      return;
    }
    const { level = "-", size, etag } = entry;
    this.#counts.files += 1;
    this.#counts.bytes += size;
    if (etag !== known?.etag) this.#counts.read += 1;
    this.#levels.set(level, (this.#levels.get(level) ?? 0) + 1);
  }

  indexed(isComplete: boolean): Indexed {
    return { isComplete, ...this.#counts, levels: Object.fromEntries([...this.#levels].sort()) };
  }
}

/** The entry as it should be: the one there is, when nothing about it has changed. Undefined when the object is gone. */
async function entryFor(
  object: ArchivedObject,
  known: FileEntry | undefined,
  about: About,
  archive: ArchiveStore,
): Promise<FileEntry | undefined> {
  const { size, etag, modified } = object;
  if (known?.etag === etag) {
    const isCurrent = known.level === about.level && known.generatedBy === about.generatedBy;
    return isCurrent
      ? known
      : { v: 1, ...about, size, sha256: known.sha256, type: known.type, etag, modified };
  }
  const opened = await archive.open(object);
  if (!opened) return undefined;
  const hash = createHash("sha256");
  for await (const chunk of opened.body) hash.update(chunk as Uint8Array);
  return {
    v: 1,
    ...about,
    size,
    sha256: hash.digest("hex"),
    type: mediaType(about.name, opened.type),
    etag,
    modified,
  };
}

type Pair = readonly [object: ArchivedObject | undefined, entry: FileEntry | undefined];

/** Merges two lists of the same order: each name once, with what either knows of it. */
async function* sideBySide(
  objects: AsyncIterable<ArchivedObject>,
  entries: AsyncIterable<FileEntry>,
  prefix: string,
): AsyncGenerator<Pair> {
  const left = objects[Symbol.asyncIterator]();
  const right = entries[Symbol.asyncIterator]();
  let [object, entry] = await Promise.all([nextOf(left), nextOf(right)]);
  while (object || entry) {
    const order = compare(object?.key.slice(prefix.length), entry?.name);
    yield [order <= 0 ? object : undefined, order >= 0 ? entry : undefined];
    [object, entry] = await Promise.all([
      order <= 0 ? nextOf(left) : object,
      order >= 0 ? nextOf(right) : entry,
    ]);
  }
}

const nextOf = async <T>(iterator: AsyncIterator<T>): Promise<T | undefined> => {
  const { value, done } = await iterator.next();
  return done ? undefined : (value as T);
};

/** By UTF-8 bytes, as S3 orders keys and DynamoDB texts; a list that has ended is behind everything. */
function compare(a: string | undefined, b: string | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  if (b === undefined) return -1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
