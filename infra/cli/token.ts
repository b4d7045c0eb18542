import type { Command } from "commander";
import type { Lineage, TokenLogLine } from "../../lib/board/lineage.ts";
import { path } from "../../lib/client/api-client.ts";
import { Client, type ClientOptions, withUrl } from "./client.ts";
import { print, printJson, say, table } from "./terminal.ts";

export function addToken(program: Command): void {
  const token = program.command("token").description("single tokens");
  withUrl(token.command("log"))
    .description("what happened to a token, and to all that came of its arrival, at each stage")
    .argument("<id>", "of a token or a job")
    .action(async (id: string, options: ClientOptions) => {
      const found = await new Client(options).get<Lineage & { log: TokenLogLine[] }>(path`/v1/tokens/${id}`);
      if (options.json) return printJson(found);
      print(
        table(
          ["stage", "timestamp", "level", "message"],
          found.log.map(({ stage, at, level, message }) => [stage, at, level, message]),
        ),
      );
      const waiting = found.steps.filter(({ record }) => !record);
      if (waiting.length > 0)
        say(`no attempt has ended yet at: ${waiting.map(({ stage }) => stage).join(", ")}`);
      if (found.truncated) say("there are more: the first thousand steps are shown");
    });
}
