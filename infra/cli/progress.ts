import type { Board } from "../../lib/board/board.ts";
import type { Runtime } from "../local/runtime.ts";
import { boardText } from "./board.ts";
import { say } from "./terminal.ts";

/** Shows tokens moving: the board, drawn again in its place on a terminal; a line for each change elsewhere. */
const INTERVAL_MS = 500;

export function showProgress(runtime: Runtime): { stop(): void; above(message: string): void } {
  const stream = process.stderr;
  let drawn = 0;
  let last = "";
  let isBusy = false;

  const clear = (): void => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const draw = (boards: readonly Board[]): void => {
    const text = boards.map(boardText).join("\n\n");
    if (stream.isTTY) {
      clear();
      stream.write(`${text}\n`);
      drawn = text.split("\n").length;
    } else changed(boards.map(line).join("\n"));
  };
  const changed = (text: string): void => {
    if (text === last) return;
    last = text;
    say(text);
  };
  let restingSince: number | undefined;
  const tick = async (): Promise<void> => {
    const writes = writesOf(runtime);
    // Nothing was under way, and nothing has been put in since: looking again would only keep an idle machine busy.
    if (isBusy || (writes > 0 && writes === restingSince)) return;
    isBusy = true;
    try {
      const boards = await Promise.all(runtime.plan.pipelines.map(({ id }) => runtime.board(id)));
      restingSince = boards.every(isAtRest) ? writes : undefined;
      draw(boards);
    } catch {
      // The services are closing; the last picture stands.
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void tick(), INTERVAL_MS);
  return {
    stop: () => clearInterval(timer),
    above: (message) => {
      clear();
      restingSince = undefined;
      say(message);
    },
  };
}

/** What the board itself asks, and what goes on while nothing happens. */
const READS = new Set(["Query", "GetItem", "GetQueueAttributes", "ReceiveMessage"]);

const isAtRest = ({ outstanding, intake }: Board): boolean =>
  outstanding + intake.waiting + intake.claimed === 0;

/** Calls that may have moved a token; 0 where the services are not our own and nothing is counted. */
function writesOf(runtime: Runtime): number {
  const counted = Object.entries(runtime.calls()).filter(([operation]) => !READS.has(operation));
  return counted.reduce((sum, [, count]) => sum + count, 0);
}

const line = ({ pipeline, put, done, error, outstanding }: Board): string =>
  `${pipeline}: put ${put}, done ${done}, in error ${error}, outstanding ${outstanding}`;
