import type { Command } from "commander";
import { DEFAULT_PORT } from "../../lib/client/api-client.ts";
import type { DevOptions } from "./run-dev.ts";

export function addDev(program: Command): void {
  program
    .command("dev")
    .description("run pipelines on this machine: the handlers that AWS runs, no account, no containers")
    .argument("[path...]", "files or folders (default: pipelines)")
    .option("--port <n>", "of the API on 127.0.0.1; 0 is any free one", String(DEFAULT_PORT))
    .option("--data <dir>", "where state is kept between starts", ".millrace")
    .option("--once", "leave when everything that was put has ended")
    .option("--once-if-piped", "the same, unless the output is a terminal")
    .option("--json", "with --once: print the summary as JSON, and nothing else")
    .option("--no-sample", "do not put in the input that an example brings along (sample.ts)")
    .action(async (paths: string[], options: DevOptions) => {
      // The services and the SDK are loaded for this command alone: the others answer three times as fast.
      const { dev } = await import("./run-dev.ts");
      await dev(paths, options);
    });
}
