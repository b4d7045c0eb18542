import * as z from "zod/mini";
import { manifestKey, podPrefix } from "../agent/manifest-file.ts";
import { type InputPage, ManifestRequest, PAGE, UploadsRequest } from "../agent/protocol.ts";
import { allows } from "../job/callback-key.ts";
import { hasToken, isOpen, type LastingJob } from "../job/lasting.ts";
import { loadPayload } from "../stage/emission.ts";
import { decodeEnvelope, isSpilled, type ObjectRef } from "../token/envelope.ts";
import type { ObjectUrls } from "../token/object-urls.ts";
import type { ObjectStore } from "../token/objects.ts";
import { type Authenticating, forbidden, jobOf, shownKey } from "./callback-auth.ts";
import { type ApiRequest, type ApiResponse, bodyOf, ok, Problem, queryOf } from "./http.ts";
import type { Route } from "./route.ts";

/**
 * What the agent in a pod asks for with its job's key: URLs for the objects of its token, and for those that it stores. Each
 * is good for one object of this attempt. Bodies and answers are those of `lib/agent/protocol.ts`.
 */

const InputQuery = z.strictObject({
  from: z._default(z.coerce.number().check(z.int(), z.minimum(0)), 0),
});

/** A function's answer ends at 6 MB, as JSON within JSON: each quote may be two bytes, and the URLs of a page take half of one. */
const MAX_ANSWERED_BYTES = 2 * 1024 ** 2;

export interface AgentRouteDependencies extends Authenticating {
  readonly objects: ObjectStore;
  /** By which pods fetch their input and store their output. */
  readonly urls: ObjectUrls;
}

/** Only who may finish the attempt, and only as long as it may be finished. */
function forAttempt(
  handle: (row: LastingJob, request: ApiRequest, dependencies: AgentRouteDependencies) => Promise<unknown>,
) {
  return async (request: ApiRequest, dependencies: AgentRouteDependencies): Promise<ApiResponse> => {
    const key = shownKey(request, dependencies);
    const row = await jobOf(key, dependencies);
    const { scope, attempt } = key.claims;
    if (!allows(scope, "finish") || !hasToken(row)) throw forbidden();
    if (attempt !== row.begun || !isOpen(row))
      throw new Problem(409, "over", `attempt ${attempt} is over: the job is ${row.state}`);
    return ok(await handle(row, request, dependencies));
  };
}

async function input(
  row: LastingJob,
  request: ApiRequest,
  { objects, urls }: AgentRouteDependencies,
): Promise<InputPage> {
  const { from } = queryOf(request, InputQuery);
  const { payload } = decodeEnvelope(row.body ?? "");
  const { data, objects: all } = await loadPayload(payload, objects);
  const isLarge = isSpilled(payload) && payload.size > MAX_ANSWERED_BYTES;
  const names = fileNames(all);
  const page = all.slice(from, from + PAGE);
  return {
    token: row.token,
    run: row.run,
    attempt: row.begun,
    ...(from === 0 && data !== undefined && !isLarge && { data }),
    ...(from === 0 && isLarge && { payload: { object: payload, url: await urls.read(payload) } }),
    objects: await Promise.all(
      page.map(async (object, index) => ({
        name: names[from + index] ?? "",
        object,
        url: await urls.read(object),
      })),
    ),
    ...(from + PAGE < all.length && { next: from + PAGE }),
  };
}

/** For each object the last step of its key, where that is a file's name and no other object of the token has it. */
export function fileNames(all: readonly Pick<ObjectRef, "key">[]): string[] {
  const steps = all.map(({ key }) => lastStep(key));
  const times = new Map<string, number>();
  for (const step of steps) times.set(step, (times.get(step) ?? 0) + 1);
  return steps.map((step, index) => {
    const safe = step
      .replaceAll(/[^\w.@=+ -]/g, "_")
      .replace(/^\.+/, "_")
      .slice(-150);
    // What another object may be given for its name: its number, and its own.
    const number = Number(/^(\d+)-/.exec(step)?.[1] ?? index);
    const isFree = times.get(step) === 1 && (number === index || number >= all.length);
    return isFree && safe === step && safe !== "" && safe !== "token.json" ? safe : `${index}-${safe}`;
  });
}

const lastStep = (key: string): string => key.slice(key.lastIndexOf("/") + 1);

const uploads = async (row: LastingJob, request: ApiRequest, { urls }: AgentRouteDependencies) => {
  const { pod, files } = bodyOf(request, UploadsRequest);
  return {
    uploads: await Promise.all(
      files.map(async ({ name, ...content }) => {
        const key = podPrefix(row.path, pod) + name;
        return { key, ...(await urls.store(key, content)) };
      }),
    ),
  };
};

const manifest = async (row: LastingJob, request: ApiRequest, { urls }: AgentRouteDependencies) => {
  const key = manifestKey(row.path);
  return { key, ...(await urls.store(key, bodyOf(request, ManifestRequest), true)) };
};

export const AGENT_ROUTES: readonly Route<AgentRouteDependencies>[] = [
  {
    method: "GET",
    path: "/v1/jobs/{job}/pod/input",
    does: "the token of a pod's job, with its key: the data, and a URL for each object; by pages, `?from=`",
    handle: forAttempt(input),
  },
  {
    method: "POST",
    path: "/v1/jobs/{job}/pod/uploads",
    does: "URLs for files that a pod stores: `{ pod, files: [{ name, size, sha256 }] }`",
    handle: forAttempt(uploads),
  },
  {
    method: "POST",
    path: "/v1/jobs/{job}/pod/manifest",
    does: "a URL for the list of what an attempt has put out, good for the first alone: `{ size, sha256 }`",
    handle: forAttempt(manifest),
  },
];
