import { readdirSync, readFileSync } from "node:fs";

/** A variable that every process of a container inherits, also one that leaves its group or its session: a folder and `/`. */
export const MARK = "MILLRACE_CONTAINER";

/** The ids of all processes of this machine; none where there is no `/proc` (proc(5), Linux). */
export function processIds(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** What the system tells of a process; empty when it has ended meanwhile, or is somebody else's. */
export function processFile(id: string, file: "environ" | "stat" | "status"): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, "latin1");
  } catch {
    return "";
  }
}

/** Ends every process of the containers below a folder. What is started meanwhile is found in the next round. */
export function killMarked(folder: string): void {
  const mark = Buffer.from(`${MARK}=${folder}/`).toString("latin1");
  const killed = new Set<string>();
  for (let isNew = true; isNew; ) {
    const found = processIds().filter((id) => !killed.has(id) && processFile(id, "environ").includes(mark));
    for (const id of found) kill(Number(id));
    for (const id of found) killed.add(id);
    isNew = found.length > 0;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ESRCH: it has ended meanwhile.
  }
}
