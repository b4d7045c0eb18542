import { accessSync, constants, mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes folders that only this user can look into, and what is missing above them: all of them or none.
 *
 * Level by level: where the kernel answers ENOENT though the folder above is there (`/proc`), Node 24.21 never returns from
 * `mkdirSync(…, { recursive: true })`.
 *
 * @throws Node's error, when one of them cannot be made, or is there and cannot be written to
 */
export function makeFolders(folders: readonly string[]): void {
  const made: string[] = [];
  try {
    for (const folder of folders) {
      makeFolder(folder, made);
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    }
  } catch (error) {
    made.reverse().forEach(removeEmpty);
    throw error;
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Another process has put something into it meanwhile.
  }
}

function makeFolder(folder: string, made: string[]): void {
  if (isFolder(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder), made);
  try {
    mkdirSync(folder, { mode: 0o700 });
    made.push(folder);
  } catch (error) {
    // Another process may have been faster.
    if (!isFolder(folder)) throw error;
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Why a folder could not be made or used, for people. */
export function whyNot(error: NodeJS.ErrnoException): string {
  const { code = "", path = "", syscall, message } = error;
  const where = syscall === "access" ? path : dirname(path);
  const reasons: Readonly<Record<string, string>> = {
    EEXIST: `${path} is no folder`,
    ENOTDIR: `${path} is no folder`,
    ENOENT: `no folder can be made in ${where}`,
    EACCES: `permission is denied in ${where}`,
    EPERM: `permission is denied in ${where}`,
    EROFS: `${where} can only be read`,
    ENAMETOOLONG: "a name in the path is too long",
    ELOOP: "links in the path lead round in a circle",
    ENOSPC: "there is no space left",
  };
  return reasons[code] ?? message;
}
