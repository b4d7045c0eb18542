import { styleText } from "node:util";
import { MillraceError } from "../../lib/errors.ts";

/** What the command line prints, and how it ends. */

/** Exit codes: the input is at fault; the call was; a service was. */
export const EXIT = { done: 0, input: 1, usage: 2, service: 3 } as const;

/** An error that ends the command with a certain exit code. */
export class CliError extends MillraceError {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(exitCode: number, message: string, hint?: string) {
    super("cli", message, hint === undefined ? {} : { hint });
    this.exitCode = exitCode;
  }
}

/** Characters that would move the cursor, change colours, or reorder what is read: keys and messages come from strangers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const HOSTILE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line that a terminal shows as it is. */
export const printable = (text: string): string =>
  text.replace(HOSTILE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Several lines of it. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n");

/** Several lines, those after the first set in by so many columns. */
export const indented = (text: string, columns: number): string =>
  printableLines(text.trimEnd()).replaceAll("\n", `\n${" ".repeat(columns)}`);

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Colours only on a terminal that wants them (NO_COLOR, FORCE_COLOR and the stream decide). */
export const styled = (style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  styleText(style, text, { stream });

let outputClosed = (): void => process.exit(EXIT.done);

/** What to do when nobody reads our output any more (`… | head`): that is no error. By default the process ends. */
export const whenOutputCloses = (then: () => void): void => {
  outputClosed = then;
};

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    outputClosed();
  });
}

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
export const printJson = (value: unknown): void =>
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0));
/** Beside the result: progress, warnings. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Rows in columns; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => printable(String(cell))));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const isNumber = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [styled("dim", line(head)), ...cells.map(line)].join("\n");
}
