import { basename } from "node:path";
import { FcsError, readFcs, TruncatedError } from "./fcs.ts";
import { csvOf, summaryOf } from "./table.ts";

/**
 * A batch system, as far as those see it who submit to it: it has its own states, works when it gets round to it, and posts
 * each of them to a URL that came with the job. It knows nothing of Millrace.
 */
export interface Submission {
  /** The measurements. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Takes what events are there, where the file was cut short. */
  readonly lenient: boolean;
  /** Told of every state; `${STATUS}` in it is replaced. */
  readonly notify: string;
  /** Stores a result where the submitter wants it. */
  archive(name: string, content: string): PromiseLike<unknown>;
}

/** @returns the last state. Throws when a notification was refused */
export async function runBatchJob(submission: Submission): Promise<"FINISHED" | "FAILED"> {
  const { file, bytes, lenient, archive } = submission;
  const name = basename(file, ".fcs");
  const tell = (status: string, body: object = { name, status }): Promise<void> =>
    notify(submission.notify, status, body);

  await tell("PENDING");
  await tell("QUEUED");
  await tell("RUNNING");
  try {
    const measurements = readFcs(bytes, { lenient });
    await tell("ARCHIVING");
    await archive(`${name}.csv`, csvOf(measurements));
    await archive(`${name}.json`, `${JSON.stringify(summaryOf(measurements), null, 2)}\n`);
  } catch (error) {
    if (!(error instanceof FcsError)) throw error;
    await tell("FAILED", whyNot(name, error));
    return "FAILED";
  }
  await tell("FINISHED");
  return "FINISHED";
}

const whyNot = (name: string, error: FcsError): object =>
  error instanceof TruncatedError
    ? { declared: error.declared, present: error.present }
    : { name, error: error.message };

/** Where a state is put into the URL. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is no template of this language's
const STATUS = "${STATUS}";

async function notify(template: string, status: string, body: object): Promise<void> {
  const response = await fetch(template.replace(STATUS, encodeURIComponent(status)), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  // The URL is a secret, and in no message.
  if (!response.ok) throw new Error(`the notification of ${status} was refused: ${response.status}`);
}
