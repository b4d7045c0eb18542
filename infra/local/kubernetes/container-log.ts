import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** As on a node: a log is kept in files of this size, the last two of them. */
const FILE_MAX_BYTES = 10 * 1024 * 1024;

export interface LogQuery {
  readonly tailLines?: number | undefined;
  readonly limitBytes?: number | undefined;
  /** Milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly timestamps: boolean;
}

/**
 * Keeps what a container prints, as a node does: `TIME F LINE` for a whole line, `TIME P TEXT` for a part of one.
 */
export class ContainerLog {
  readonly #file: string;
  readonly #listeners = new Set<(entry: string) => void>();
  readonly #ends = new Set<() => void>();
  #descriptor: number;
  #size: number;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.#file = file;
    this.#descriptor = openSync(file, "a", 0o600);
    this.#size = statSync(file).size;
  }

  /** @param time ISO 8601 */
  append(time: string, text: string, isWhole: boolean): void {
    const entry = `${time} ${isWhole ? "F" : "P"} ${text}`;
    this.#size += writeSync(this.#descriptor, `${entry}\n`);
    for (const listener of this.#listeners) listener(entry);
    if (this.#size > FILE_MAX_BYTES) this.#rotate();
  }

  /** Calls `listener` with every further entry, and `end` when no more can come. */
  follow(listener: (entry: string) => void, end: () => void): () => void {
    this.#listeners.add(listener);
    this.#ends.add(end);
    return () => {
      this.#listeners.delete(listener);
      this.#ends.delete(end);
    };
  }

  close(): void {
    closeSync(this.#descriptor);
    for (const end of this.#ends) end();
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    renameSync(this.#file, olderOf(this.#file));
    this.#descriptor = openSync(this.#file, "a", 0o600);
    this.#size = 0;
  }
}

const olderOf = (file: string): string => `${file}.1`;

/** What was printed so far, as a client asked for it; empty when nothing was. */
export function readLog(file: string, query: LogQuery): string {
  const texts = [olderOf(file), file].map((each) => (existsSync(each) ? readFileSync(each, "utf8") : ""));
  let entries = texts.join("").split("\n").slice(0, -1);
  const { since, tailLines, limitBytes } = query;
  if (since !== undefined) entries = entries.filter((entry) => Date.parse(timeOf(entry)) >= since);
  if (tailLines !== undefined) entries = tailLines === 0 ? [] : entries.slice(-tailLines);
  const text = entries.map((entry) => printed(entry, query.timestamps)).join("");
  return limitBytes === undefined ? text : Buffer.from(text).subarray(0, limitBytes).toString();
}

const timeOf = (entry: string): string => entry.slice(0, entry.indexOf(" "));

/** What an entry says, with its time or without. */
export function printed(entry: string, timestamps: boolean): string {
  const [, time = "", kind, text = ""] = /^(\S+) ([FP]) (.*)$/s.exec(entry) ?? [];
  return `${timestamps ? `${time} ` : ""}${text}${kind === "F" ? "\n" : ""}`;
}
