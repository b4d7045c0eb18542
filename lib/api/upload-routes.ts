import * as z from "zod";
import { allows } from "../job/callback-key.ts";
import { LIMITS } from "../plan/limits.ts";
import { nameDefect } from "../token/object-name.ts";
import { type Authenticating, forbidden, jobOf, shownKey } from "./callback-auth.ts";
import { bodyOf, ok, Problem } from "./http.ts";
import type { Route } from "./route.ts";

export interface UploadDependencies extends Authenticating {
  /** A URL by which an object can be uploaded for a while, without further credentials. */
  uploadUrl(key: string): Promise<string>;
}

const Uploads = z.strictObject({ names: z.array(z.string().min(1).max(900)).min(1).max(100) });

/** Where the results of a job go: whoever reports of it has a key, and no other rights in the bucket. */
export const UPLOAD_ROUTES: readonly Route<UploadDependencies>[] = [
  {
    method: "POST",
    path: "/v1/jobs/{job}/uploads",
    does: "with the job's key, URLs that take files for its path: `{ names }`",
    handle: async (request, dependencies) => {
      const key = shownKey(request, dependencies);
      const row = await jobOf(key, dependencies);
      if (!allows(key.claims.scope, "finish")) throw forbidden();
      const { names } = bodyOf(request, Uploads);
      if (key.claims.attempt !== row.begun || (row.state !== "CREATED" && row.state !== "RUNNING")) {
        throw new Problem(
          409,
          "not-now",
          `the job is ${row.state}, and attempt ${key.claims.attempt} takes no more files`,
          "files are archived before the job is reported to have finished",
        );
      }
      const keys = names.map((name) => keyOf(name, row.path));
      return ok({
        uploads: await Promise.all(
          keys.map(async ({ name, key }) => ({
            name,
            key,
            method: "PUT",
            url: await dependencies.uploadUrl(key),
          })),
        ),
      });
    },
  },
];

/** @throws Problem 422 naming the name */
function keyOf(name: string, path: string): { name: string; key: string } {
  const key = `${path.slice(1)}/${name}`;
  // What begins with "_" is ours: the list of what was put out.
  const defect = name.startsWith("_") ? `"${name}" begins with "_", as our own files do` : nameDefect(name);
  if (defect !== undefined) throw new Problem(422, "object-name", defect);
  if (Buffer.byteLength(key) <= LIMITS.objectKey.value) return { name, key };
  throw new Problem(
    422,
    "key-too-long",
    `the key of "${name}" would have more than ${LIMITS.objectKey.value} bytes`,
  );
}
