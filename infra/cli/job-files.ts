import type { Command } from "commander";
import type { FileEntry } from "../../lib/archive/file-index.ts";
import { path } from "../../lib/client/api-client.ts";
import { Client, type ClientOptions, withUrl } from "./client.ts";
import { print, printJson, say, table } from "./terminal.ts";
import { counted } from "./text.ts";

interface Page {
  readonly path: string;
  readonly files: readonly FileEntry[];
  readonly next?: string;
}

/** The API gives so many at once. */
const PAGE = 1000;

export function addJobFiles(jobs: Command): void {
  withUrl(jobs.command("files"))
    .description("what a job has archived, as it was indexed")
    .argument("<job>")
    .action(async (id: string, options: ClientOptions) => {
      const client = new Client(options);
      const files: FileEntry[] = [];
      let after: string | undefined;
      let at = "";
      do {
        const page = await client.get<Page>(path`/v1/jobs/${id}/files`, { after, limit: PAGE });
        files.push(...page.files);
        after = page.next;
        at = page.path;
      } while (after !== undefined);
      if (options.json) return printJson({ path: at, files });
      if (files.length > 0)
        print(
          table(
            ["file", "level", "size", "type", "sha256"],
            files.map(({ name, level = "-", size, type, sha256 }) => [name, level, size, type, sha256]),
          ),
        );
      say(
        `${counted(files.length, "file")} below ${at}${files.length > 0 ? "" : `; to index them: millrace jobs event ${id} index`}`,
      );
    });
}
