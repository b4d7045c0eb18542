import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "../../lib/errors.ts";
import { makeFolders, whyNot } from "./make-folders.ts";
import { isLocked } from "./sqlite-file.ts";

/** Where the local runtime keeps its state between starts. */
export interface DataDirectory {
  readonly path: string;
  readonly sqs: string;
  readonly s3: string;
  readonly dynamodb: string;
  readonly kubernetes: string;
  /** Of stages. */
  readonly secrets: string;
  /** What callback keys are derived from: no stage is told of it. */
  readonly keys: string;
  readonly logs: string;
  readonly results: string;
  readonly plan: string;
  /** Lets the next runtime in. */
  release(): void;
}

/**
 * SQLite opens no file whose path has more than 504 bytes (measured: 512, less what it appends for its journal), and the longest
 * of ours is `/kubernetes/kubernetes.sqlite`.
 */
const LONGEST_PATH = 475;

/**
 * Makes the folder and takes it into possession: two runtimes on one folder would hand out the same tokens twice.
 *
 * @throws MillraceError when another runtime has it, or it cannot be a folder
 */
export function openDataDirectory(path: string): DataDirectory {
  const at = (name: string): string => join(path, name);
  const directory = {
    path,
    sqs: at("sqs"),
    s3: at("s3"),
    dynamodb: at("dynamodb"),
    kubernetes: at("kubernetes"),
    secrets: at("secrets"),
    keys: at("keys"),
    logs: at("logs"),
    results: at("results"),
    plan: at("plan.json"),
  };
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_PATH)
    throw unusable(path, `the path has ${bytes} bytes, at most ${LONGEST_PATH} leave room for what is below`);
  try {
    makeFolders([path, directory.secrets, directory.keys, directory.logs]);
  } catch (cause) {
    throw unusable(path, whyNot(cause as NodeJS.ErrnoException), cause);
  }
  return { ...directory, release: takeLock(at("lock.sqlite"), at("pid"), path) };
}

/**
 * A lock of the operating system's, which ends with the process, however it ends; SQLite is the way to one that Node has. The
 * other file only tells who has it.
 *
 * @returns gives it back
 */
function takeLock(lock: string, holder: string, path: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lock);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;");
    writeFileSync(holder, String(process.pid));
    return () => database?.close();
  } catch (cause) {
    database?.close();
    if (isLocked(cause)) throw inUse(path, holder, cause);
    throw unusable(path, (cause as Error).message, cause);
  }
}

function inUse(path: string, holder: string, cause: unknown): MillraceError {
  // Between taking the lock and leaving its number, it is nameless.
  const who = existsSync(holder) ? ` with process id ${readFileSync(holder, "utf8")}` : "";
  return new MillraceError("data-in-use", `the runtime${who} is using ${path}`, {
    hint: "stop it, or give this one a folder of its own: --data DIR",
    cause,
  });
}

const unusable = (path: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError("data-folder", `${path} cannot hold the runtime's state: ${why}`, {
    hint: "name a folder that can be written to: --data DIR",
    cause,
  });
