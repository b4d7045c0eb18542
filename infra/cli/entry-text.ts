import type { ShownEntry } from "../../lib/client/job-calls.ts";

/** One thing that happened to a job, in a line. */
export function entryText({ at, event, attempt, data }: ShownEntry): string {
  const number = attempt === undefined ? "" : ` #${attempt}`;
  const more = data === undefined ? "" : `  ${typeof data === "string" ? data : JSON.stringify(data)}`;
  return `${at}  ${event}${number}${more}`;
}
