import type { LogLevel } from "./job/record.ts";

/** A callback key, as `lib/job/callback-key.ts` makes them: it may stand in a URL, and a URL in an error's message. */
const CALLBACK_KEY = /\bmk1\.[\w.-]{64,}/g;

export type Logger = (level: LogLevel, message: string, fields: Record<string, unknown>) => void;

/** Field names whose values never reach a log. */
const SECRET_FIELDS = /authorization|key$|nonce|secret|receipt|password|passphrase/i;

/** One line of JSON for each message, on the standard output: what a function's log is made of. */
export const jsonLog =
  (
    base: Readonly<Record<string, string>>,
    write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
  ): Logger =>
  (level, message, fields) => {
    const shown = Object.entries(fields).map(([name, value]) => [
      name,
      SECRET_FIELDS.test(name) ? "[redacted]" : value,
    ]);
    const line = { level, message };
    // Once more at the end: no field can take their place, and they still lead the line.
    const text = JSON.stringify(Object.assign({ ...line }, Object.fromEntries(shown), base, line));
    write(text.replaceAll(CALLBACK_KEY, "[redacted]"));
  };
