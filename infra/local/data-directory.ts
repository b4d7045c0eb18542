import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MillraceError } from "../../lib/errors.ts";

/** Where the local runtime keeps its state between starts. */
export interface DataDirectory {
  readonly path: string;
  readonly sqs: string;
  readonly s3: string;
  readonly dynamodb: string;
  readonly secrets: string;
  readonly logs: string;
  readonly results: string;
  readonly plan: string;
  /** Lets the next runtime in. */
  release(): void;
}

/**
 * Makes the folder and takes it into possession: two runtimes on one folder would hand out the same tokens twice.
 *
 * @throws MillraceError when another runtime has it
 */
export function openDataDirectory(path: string): DataDirectory {
  const at = (name: string): string => join(path, name);
  mkdirSync(path, { recursive: true });
  const lock = at("lock");
  takeLock(lock, path);
  const directory = {
    path,
    sqs: at("sqs"),
    s3: at("s3"),
    dynamodb: at("dynamodb"),
    secrets: at("secrets"),
    logs: at("logs"),
    results: at("results"),
    plan: at("plan.json"),
    release: () => rmSync(lock, { force: true }),
  };
  for (const folder of [directory.secrets, directory.logs])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  return directory;
}

function takeLock(lock: string, path: string): void {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const holder = Number(readFileSync(lock, "utf8"));
  if (Number.isInteger(holder) && holder !== process.pid && isAlive(holder)) {
    throw new MillraceError("data-in-use", `the runtime with process id ${holder} is using ${path}`, {
      hint: "stop it, or give this one a folder of its own: --data DIR",
    });
  }
  // Its owner died without cleaning up.
  rmSync(lock, { force: true });
  takeLock(lock, path);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
