import type { ShownEntry } from "../../lib/client/job-calls.ts";

/** One thing that happened to a job, in a line. */
export function entryText({ at, event, attempt, data }: ShownEntry): string {
  const number = attempt === undefined ? "" : ` #${attempt}`;
  const said = typeof data === "string" ? data.trim().replaceAll(/\s*\n\s*/g, " ") : JSON.stringify(data);
  const more = said === undefined ? "" : `  ${said}`;
  return `${at}  ${event}${number}${more}`;
}
