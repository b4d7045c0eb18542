import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";

/**
 * A file for each function, as CloudWatch has a log group; what went wrong is also said at once.
 *
 * @param folder made when it is not there
 */
export function functionLogs(folder: string, say: (message: string) => void) {
  mkdirSync(folder, { recursive: true });
  const files = new Map<string, WriteStream>();
  const open = (name: string): WriteStream => {
    const path = join(folder, `${name}.log`);
    // The disk may be full, which is no reason to stop working: what matters has been said, and the rest is lost.
    return createWriteStream(path, { flags: "a" }).on("error", ({ message }) =>
      say(`${path} is not written any more: ${message}`),
    );
  };
  return {
    write: (name: string, line: string): void => {
      const file = files.get(name) ?? open(name);
      files.set(name, file);
      file.write(`${line}\n`);
      const told = worthSaying(line);
      if (told !== undefined) say(`${name}: ${told}`);
    },
    close: () => Promise.all([...files.values()].map((file) => new Promise<void>((done) => file.end(done)))),
  };
}

/** What a user should see at once of a function's log: warnings, errors, and what is no log line at all. */
function worthSaying(line: string): string | undefined {
  const entry = parsed(line);
  if (!entry) return line;
  if (entry.level !== "error" && entry.level !== "warn") return undefined;
  const about = entry.token === undefined ? "" : ` (token ${entry.token}, attempt ${entry.attempt ?? "-"})`;
  return `${entry.message.split("\n")[0]}${about}`;
}

interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly token?: string;
  readonly attempt?: number;
}

function parsed(line: string): LogEntry | undefined {
  if (!line.startsWith('{"level":')) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined;
  }
}
