import * as z from "zod";
import type { FileEntry } from "../archive/file-index.ts";
import { findLastingJob } from "./find-job.ts";
import { ok, queryOf } from "./http.ts";
import type { LastingApiDependencies, Route } from "./route.ts";

const FilesQuery = z.strictObject({
  /** The name that the page before ended with. */
  after: z.string().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** What jobs have archived. */
export const FILE_ROUTES: readonly Route<LastingApiDependencies>[] = [
  {
    method: "GET",
    path: "/v1/jobs/{job}/files",
    does: "what a job has archived, as it was indexed: `?after=&limit=`",
    handle: async (request, api) => {
      const row = await findLastingJob(request, api);
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
