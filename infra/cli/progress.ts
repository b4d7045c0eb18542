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
  const tick = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      draw(await Promise.all(runtime.plan.pipelines.map(({ id }) => runtime.board(id))));
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
      say(message);
    },
  };
}

const line = ({ pipeline, put, done, error, outstanding }: Board): string =>
  `${pipeline}: put ${put}, done ${done}, in error ${error}, outstanding ${outstanding}`;
