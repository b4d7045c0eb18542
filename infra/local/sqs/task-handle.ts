import { invalidParameter } from "./errors.ts";
import { queueArn } from "./queue-names.ts";
import type { MoveTask } from "./records.ts";

/** Base64 of a JSON object that names the task and its source, as on AWS. */
export const taskHandle = ({ id, source }: MoveTask): string =>
  Buffer.from(JSON.stringify({ taskId: id, sourceArn: queueArn(source) })).toString("base64");

/** @throws SqsError InvalidParameterValue */
export function parseTaskHandle(handle: string): { taskId: string; sourceArn: string } {
  try {
    const { taskId, sourceArn } = JSON.parse(Buffer.from(handle, "base64").toString()) as Record<
      string,
      unknown
    >;
    if (typeof taskId === "string" && typeof sourceArn === "string") return { taskId, sourceArn };
  } catch {
    // Falls through to the refusal.
  }
  throw invalidParameter("Value for parameter TaskHandle is invalid.");
}
