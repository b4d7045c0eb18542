import { createReadStream, mkdirSync, rmSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "./database.ts";
import type { ByteRange } from "./range.ts";

const READ_BYTES = 256 * 1024;

/** Folders that the files are spread over. */
const SHARDS = 256;

/** A stretch of content: one whole blob file. */
export interface Segment {
  blob: number;
  /** Bytes. */
  size: number;
}

/** Content that is being read. Its files stay until `release`, even when the object is deleted or replaced meanwhile. */
export interface Content extends AsyncIterable<Buffer> {
  release(): void;
}

/**
 * The bytes of objects and parts: immutable files named by a number, nothing of a key ever being part of a path.
 *
 * A file is written under its final name, after its number has been recorded as unowned. It belongs to an object only
 * when the object's transaction takes it over with `adopt`; whatever is still unowned when the service starts is
 * removed. So there is no moment at which a crash leaves a half-written object or a forgotten file.
 */
export class BlobStore {
  readonly #directory: string;
  readonly #database: Database;
  /** How many readers each blob has. */
  readonly #readers = new Map<number, number>();
  /** Unowned, to be removed when the last reader is done. */
  readonly #doomed = new Set<number>();
  readonly #removals = new Set<Promise<void>>();

  /** Removes what a former process left behind. */
  constructor(directory: string, database: Database) {
    this.#directory = directory;
    this.#database = database;
    for (let shard = 0; shard < SHARDS; shard++) {
      mkdirSync(join(directory, shardName(shard)), { recursive: true });
    }
    for (const { id } of database.all<{ id: number }>("SELECT id FROM unowned_blobs")) {
      rmSync(this.#path(id), { force: true });
    }
    database.run("DELETE FROM unowned_blobs");
  }

  /**
   * Writes a blob. It is unowned until it is adopted; if `fill` throws, it is gone.
   *
   * @param fill is given a function that appends, to be awaited each time
   */
  async write<Result>(
    fill: (append: (piece: Buffer) => Promise<void>) => Promise<Result>,
  ): Promise<{ blob: number; result: Result }> {
    const blob = this.#database.run("INSERT INTO unowned_blobs DEFAULT VALUES");
    try {
      await using file = await open(this.#path(blob), "wx");
      const result = await fill((piece) => file.writeFile(piece));
      return { blob, result };
    } catch (error) {
      this.discard(blob);
      throw error;
    }
  }

  /** Hands a blob over to the object or part that the running transaction writes. */
  adopt(blob: number): void {
    this.#database.run("DELETE FROM unowned_blobs WHERE id = ?", blob);
  }

  /** Takes blobs from what the running transaction deletes; their files go after the commit. */
  disown(blobs: readonly number[]): void {
    for (const blob of blobs) this.#database.run("INSERT INTO unowned_blobs (id) VALUES (?)", blob);
    this.#database.afterCommit(() => {
      for (const blob of blobs) this.discard(blob);
    });
  }

  /** Removes an unowned blob, now or when its last reader is done. */
  discard(blob: number): void {
    if (this.#readers.has(blob)) {
      this.#doomed.add(blob);
      return;
    }
    const removal = this.#remove(blob).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Opens content for reading. `release` it in every case. */
  read(segments: readonly Segment[], range: ByteRange): Content {
    for (const { blob } of segments) this.#readers.set(blob, (this.#readers.get(blob) ?? 0) + 1);
    let released = false;
    return {
      [Symbol.asyncIterator]: () => this.#pieces(segments, range),
      release: () => {
        if (!released) for (const { blob } of segments) this.#leave(blob);
        released = true;
      },
    };
  }

  /** Waits until every removal that has begun is done. */
  async settle(): Promise<void> {
    await Promise.all(this.#removals);
  }

  async *#pieces(segments: readonly Segment[], range: ByteRange): AsyncGenerator<Buffer> {
    let start = 0;
    for (const { blob, size } of segments) {
      const first = Math.max(range.first - start, 0);
      const last = Math.min(range.last - start, size - 1);
      if (first <= last) {
        yield* createReadStream(this.#path(blob), { start: first, end: last, highWaterMark: READ_BYTES });
      }
      start += size;
    }
  }

  #leave(blob: number): void {
    const left = (this.#readers.get(blob) ?? 0) - 1;
    if (left > 0) {
      this.#readers.set(blob, left);
      return;
    }
    this.#readers.delete(blob);
    if (this.#doomed.delete(blob)) this.discard(blob);
  }

  async #remove(blob: number): Promise<void> {
    try {
      await rm(this.#path(blob), { force: true });
      this.#database.run("DELETE FROM unowned_blobs WHERE id = ?", blob);
    } catch {
      // It stays recorded as unowned; the next start tries again.
    }
  }

  #path(blob: number): string {
    return join(this.#directory, shardName(blob % SHARDS), String(blob));
  }
}

const shardName = (shard: number): string => shard.toString(16).padStart(2, "0");
