import * as z from "zod";
import type { FileEntry, FileIndex } from "../archive/file-index.ts";
import { ok, queryOf } from "./http.ts";
import { lastingJob, type LastingApiDependencies, type Route } from "./route.ts";

const FilesQuery = z.strictObject({
  /** The name that the page before ended with. */
  after: z.string().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export interface FileApiDependencies extends LastingApiDependencies {
  readonly files: FileIndex;
}

/** What jobs have archived. */
export const FILE_ROUTES: readonly Route<FileApiDependencies>[] = [
  {
    method: "GET",
    path: "/v1/jobs/{job}/files",
    does: "what a job has archived, as it was indexed: `?after=&limit=`",
    handle: async (request, api) => {
      const row = await lastingJob(request, api);
      const { after, limit } = queryOf(request, FilesQuery);
      const files: FileEntry[] = [];
      for await (const entry of api.files.list(row, after)) {
        if (files.length === limit) return ok({ path: row.path, files, next: files.at(-1)?.name });
        files.push(entry);
      }
      return ok({ path: row.path, files });
    },
  },
];
