import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readLines } from "./journal-lines.ts";
import type { JournalRecord } from "./records.ts";

/** Called when all that was appended so far is in the file, or with the reason why it never will be. */
export type Written = (failure?: Error) => void;

/** Where the changes of the service go before anyone hears of them. */
export interface RecordLog {
  append(record: JournalRecord): void;
  /** Puts what was appended into the file and tells all who wait for it. */
  write(): void;
  /** At once if nothing waits to be written. */
  whenWritten(done: Written): void;
  /** Replaces the file by the snapshot if it has become much longer than one. */
  compactIfGrown(snapshot: () => Iterable<JournalRecord>): void;
  close(): void;
}

/** For a service that forgets everything when it ends. */
export const noJournal: RecordLog = {
  append() {},
  write() {},
  whenWritten: (done) => done(),
  compactIfGrown() {},
  close() {},
};

const MIB = 1_048_576;

/** Below this size a journal is left alone. */
const WORTH_COMPACTING = 4 * MIB;
/** A journal is compacted when it is this many times as long as it was after the latest compaction. */
const GROWTH = 4;

/**
 * An append-only file of records, one JSON line each. `append` only remembers; one write(2) at the end of the event-loop
 * turn takes them all to the kernel, from where they survive the death of the process (not a power cut: nothing is synced).
 * A record counts only with its line feed; half a line at the end is what a crash left of one that nobody was told of.
 */
export class Journal implements RecordLog {
  readonly #path: string;
  readonly #requestWrite: () => void;
  #file: number;
  #size: number;
  #sizeWhenCompact: number;
  #pending = "";
  #waiting: Written[] = [];
  #failure: Error | undefined;

  /**
   * Replays the journal of a directory and replaces it by a snapshot of what came out. The directory is made if missing.
   *
   * @param replay told of each record, in order
   * @param snapshot asked for the state after the last record
   * @param requestWrite called when there is something to write; `write` must follow in the same turn
   * @throws Error if a line before the last is damaged
   */
  static open(
    directory: string,
    replay: (record: JournalRecord) => void,
    snapshot: () => Iterable<JournalRecord>,
    requestWrite: () => void,
  ): Journal {
    mkdirSync(directory, { recursive: true });
    const path = join(directory, "sqs.journal");
    for (const line of readLines(path)) replay(parse(line.text, path, line.number));
    return new Journal(path, snapshot(), requestWrite);
  }

  private constructor(path: string, records: Iterable<JournalRecord>, requestWrite: () => void) {
    this.#path = path;
    this.#requestWrite = requestWrite;
    const { file, size } = writeSnapshot(path, records);
    this.#file = file;
    this.#size = size;
    this.#sizeWhenCompact = size;
  }

  append(record: JournalRecord): void {
    // The change is lost, and nobody will hear of it: every answer is the failure from now on.
    if (this.#failure) return;
    if (this.#pending === "") this.#requestWrite();
    this.#pending += `${JSON.stringify(record)}\n`;
  }

  write(): void {
    if (this.#pending !== "") {
      const text = this.#pending;
      this.#pending = "";
      try {
        this.#refuseIfReplaced();
        this.#size += writeAll(this.#file, text);
      } catch (error) {
        this.#failure = new Error(`cannot write ${this.#path}; the service must be restarted`, {
          cause: error,
        });
      }
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done(this.#failure);
  }

  whenWritten(done: Written): void {
    if (this.#pending === "") done(this.#failure);
    else this.#waiting.push(done);
  }

  compactIfGrown(snapshot: () => Iterable<JournalRecord>): void {
    if (this.#failure || this.#size < Math.max(WORTH_COMPACTING, GROWTH * this.#sizeWhenCompact)) return;
    this.write();
    try {
      this.#refuseIfReplaced();
      const { file, size } = writeSnapshot(this.#path, snapshot());
      closeSync(this.#file);
      this.#file = file;
      this.#size = size;
    } catch {
      // The disk may be full. The long journal is as good as the short one; it is tried again when it has grown more.
    }
    this.#sizeWhenCompact = this.#size;
  }

  close(): void {
    this.write();
    closeSync(this.#file);
    this.#failure = new Error(`${this.#path} is closed`);
  }

  /** Two services on one directory would each lose what the other has taken in: the later one wins, the earlier stops. */
  #refuseIfReplaced(): void {
    const { nlink } = fstatSync(this.#file);
    if (nlink === 0) throw new Error("another process has taken the file over, or removed it");
  }
}

function parse(line: string, path: string, number: number): JournalRecord {
  try {
    return JSON.parse(line) as JournalRecord;
  } catch (error) {
    throw new Error(`${path}, line ${number}: not a record; the file is damaged`, { cause: error });
  }
}

/** Writes a new journal beside the old one, then puts it in its place: at any moment one of the two is there, whole. */
function writeSnapshot(path: string, records: Iterable<JournalRecord>): { file: number; size: number } {
  const next = `${path}.next`;
  rmSync(next, { force: true });
  const file = openSync(next, "ax");
  try {
    const size = writeRecords(file, records);
    renameSync(next, path);
    return { file, size };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** @returns bytes written */
function writeRecords(file: number, records: Iterable<JournalRecord>): number {
  let size = 0;
  let chunk = "";
  for (const record of records) {
    chunk += `${JSON.stringify(record)}\n`;
    if (chunk.length < MIB) continue;
    size += writeAll(file, chunk);
    chunk = "";
  }
  return size + writeAll(file, chunk);
}

/** @returns bytes written: all */
function writeAll(file: number, text: string): number {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  return bytes.length;
}
