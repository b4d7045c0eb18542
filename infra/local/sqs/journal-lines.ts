import { closeSync, openSync, readSync } from "node:fs";

export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

const LINE_FEED = 10;
const CHUNK_BYTES = 1_048_576;

/** The whole lines of a file. What follows the last line feed is left out; a file that is not there has no lines. */
export function* readLines(path: string): Generator<Line> {
  const file = openIfThere(path);
  if (file === undefined) return;
  try {
    let number = 0;
    for (const text of linesOf(file)) {
      number += 1;
      yield { text, number };
    }
  } finally {
    closeSync(file);
  }
}

function* linesOf(file: number): Generator<string> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  // Parts of a line that is longer than what was read of it so far.
  let parts: Buffer[] = [];
  for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
    let start = 0;
    for (;;) {
      const end = chunk.subarray(0, length).indexOf(LINE_FEED, start);
      if (end < 0) break;
      parts.push(chunk.subarray(start, end));
      yield Buffer.concat(parts).toString();
      parts = [];
      start = end + 1;
    }
    parts.push(Buffer.from(chunk.subarray(start, length)));
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
