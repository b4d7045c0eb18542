import type { Command } from "commander";
import type { Board } from "../../lib/board/board.ts";
import { path } from "../../lib/client/api-client.ts";
import { sleep, systemClock } from "../../lib/clock.ts";
import { Client, type ClientOptions, withUrl } from "./client.ts";
import { print, printJson, styled, table } from "./terminal.ts";

export function addBoard(program: Command): void {
  withUrl(program.command("board"))
    .description("show where the tokens are: waiting, claimed, parked, in error, done, for each edge")
    .argument("[pipeline...]", "default: all")
    .option("--watch", "show it again every second")
    .action(async (names: string[], options: ClientOptions & { watch?: boolean }) => {
      const client = new Client(options);
      for (;;) {
        const boards = await boardsOf(client, names);
        if (options.json) printJson(boards);
        else
          print(
            `${options.watch && process.stdout.isTTY ? "\x1b[H\x1b[2J" : ""}${boards.map((board) => boardText(board)).join("\n\n")}`,
          );
        if (!options.watch) return;
        await sleep(systemClock, 1000);
      }
    });
}

async function boardsOf(client: Client, names: readonly string[]): Promise<Board[]> {
  const wanted =
    names.length > 0
      ? names
      : (await client.get<{ pipelines: { id: string }[] }>("/v1/pipelines")).pipelines.map(({ id }) => id);
  return Promise.all(wanted.map((name) => client.get<Board>(path`/v1/pipelines/${name}/board`)));
}

/** @param isNarrow without the column that only repeats the name of the list */
export function boardText(
  { pipeline, put, done, error, skipped, outstanding, intake, edges, queues }: Board,
  { isNarrow = false } = {},
): string {
  const rows = Object.entries(edges).map(([name, edge]) => [
    queues[name]?.work ?? name,
    edge.waiting,
    ...(isNarrow ? [] : [queues[name]?.claimed ?? ""]),
    edge.claimed,
    edge.parked,
    edge.error,
    edge.skipped,
    edge.done,
  ]);
  const entering = intake.waiting + intake.claimed;
  const gone = skipped > 0 ? ` + skipped ${skipped}` : "";
  const head = `${styled("bold", pipeline)}  put ${put} = done ${done} + in error ${error}${gone} + outstanding ${outstanding}`;
  return [
    entering > 0 ? `${head}  (${entering} at the entrance)` : head,
    table(
      [
        "list",
        "waiting",
        ...(isNarrow ? [] : ["claimed list"]),
        "claimed",
        "parked",
        "error",
        "skipped",
        "done",
      ],
      rows,
    ),
  ].join("\n");
}
