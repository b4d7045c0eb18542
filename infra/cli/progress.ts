import { stripVTControlCharacters } from "node:util";
import type { Board } from "../../lib/board/board.ts";
import type { Runtime } from "../local/runtime.ts";
import { boardText } from "./board.ts";
import { say } from "./terminal.ts";

/** Shows tokens moving: the board, drawn again in its place on a terminal; a line for each change elsewhere. */
export interface Progress {
  /** A message above the board. */
  tell(message: string): void;
  /** Makes room for other output; the board is drawn again below it. */
  clear(): void;
  stop(): void;
}

const INTERVAL_MS = 500;
/** The board is read from the services that the tokens need too: it gets this part of their time at most. */
const SHARE = 0.1;

export function showProgress(runtime: Runtime): Progress {
  const stream = process.stderr;
  let drawn = 0;
  let last = "";
  let restingSince: number | undefined;
  let isStopped = false;
  let timer: NodeJS.Timeout;

  const clear = (): void => {
    if (drawn > 0 && stream.isTTY) stream.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
    last = "";
    restingSince = undefined;
  };
  const draw = (boards: readonly Board[]): void => {
    const text = stream.isTTY ? fitting(boards, stream) : boards.map(line).join("\n");
    if (text === last) return;
    if (stream.isTTY) clear();
    say(text);
    last = text;
    drawn = text.split("\n").length;
  };
  const look = async (): Promise<void> => {
    const writes = runtime.writes();
    // Nothing was under way, and nothing has been put in since: looking again would only keep an idle machine busy.
    if (writes > 0 && writes === restingSince) return;
    const boards = await Promise.all(runtime.plan.pipelines.map(({ id }) => runtime.board(id)));
    if (isStopped) return;
    draw(boards);
    restingSince = boards.every(isAtRest) ? writes : undefined;
  };
  const tick = async (): Promise<void> => {
    const begun = performance.now();
    // A failure means that the services are closing; the last picture stands.
    await look().catch(() => {});
    if (!isStopped)
      timer = setTimeout(() => void tick(), Math.max(INTERVAL_MS, (performance.now() - begun) / SHARE));
  };
  timer = setTimeout(() => void tick(), INTERVAL_MS);
  return {
    clear,
    tell: (message) => {
      clear();
      say(message);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const isAtRest = ({ outstanding, intake }: Board): boolean =>
  outstanding + intake.waiting + intake.claimed === 0;

/** What a terminal shows without wrapping or scrolling: a wrapped line would be one more to go back over. */
export function fitting(
  boards: readonly Board[],
  stream: Pick<NodeJS.WriteStream, "columns" | "rows">,
): string {
  // A pseudo terminal that nobody has sized says 0.
  const [columns, rows] = [stream.columns || 80, stream.rows || 24];
  const fits = (line: string): boolean => stripVTControlCharacters(line).length < columns;
  const wide = boards.map((board) => boardText(board)).join("\n\n");
  const text = wide.split("\n").every(fits)
    ? wide
    : boards.map((board) => boardText(board, { isNarrow: true })).join("\n\n");
  return text
    .split("\n")
    .slice(0, rows - 1)
    .map((line) => (fits(line) ? line : stripVTControlCharacters(line).slice(0, columns - 1)))
    .join("\n");
}

const line = ({ pipeline, put, done, error, skipped, outstanding }: Board): string =>
  `${pipeline}: put ${put}, done ${done}, in error ${error},${skipped > 0 ? ` skipped ${skipped},` : ""} outstanding ${outstanding}`;
