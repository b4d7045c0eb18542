import type * as z from "zod/mini";
import { type Persisting, persist, Refused } from "./persist.ts";
import {
  EventAnswer,
  InputPage,
  type ManifestRequest,
  Upload,
  UploadsAnswer,
  type UploadsRequest,
} from "./protocol.ts";

/** The API as an agent sees it: one job of it. */
export interface AgentApi {
  input(from: number): Promise<InputPage>;
  uploads(request: UploadsRequest): Promise<Upload[]>;
  manifest(request: ManifestRequest): Promise<Upload>;
  event(event: { event: string; eventId: string; data?: unknown }): Promise<EventAnswer>;
}

/** What an agent needs of the outside world. */
export interface AgentDependencies extends Persisting {
  readonly fetch: typeof fetch;
}

const REQUEST_MS = 30_000;

/** An answer that is none of ours: worth another try, or not. */
export async function failureOf(response: Response, what: string): Promise<Error> {
  const text = await response.text().catch(() => "");
  const { code, detail } = problemIn(text);
  const message = `${what}: ${response.status}${detail === undefined ? "" : ` ${detail}`}`;
  const mayPass = response.status === 429 || response.status >= 500;
  if (!mayPass) return new Refused(response.status, code ?? "refused", message);
  const seconds = Number(response.headers.get("retry-after") ?? 0);
  return Object.assign(new Error(message), { retryAfterMs: (Number.isFinite(seconds) ? seconds : 0) * 1000 });
}

function problemIn(text: string): { code?: string; detail?: string } {
  try {
    const { code, detail } = JSON.parse(text) as { code?: string; detail?: string };
    return { ...(code !== undefined && { code }), ...(detail !== undefined && { detail }) };
  } catch {
    return {};
  }
}

/**
 * @param base the API's URL
 * @param key the job's; never in a URL, and never in a message
 */
export function agentApi(
  { base, job, key }: { base: string; job: string; key: string },
  dependencies: AgentDependencies,
): AgentApi {
  const url = (path: string): string => `${base.replace(/\/$/, "")}/v1/jobs/${job}/${path}`;
  const ask = async <Schema extends z.ZodMiniType>(
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.infer<Schema>> =>
    persist(async () => {
      const response = await dependencies.fetch(url(path), {
        method: body === undefined ? "GET" : "POST",
        headers: {
          authorization: `Bearer ${key}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      if (!response.ok) throw await failureOf(response, `the API, asked for ${path.split("?")[0]}`);
      return schema.parse(await response.json());
    }, dependencies);
  return {
    input: (from) => ask(`pod/input?from=${from}`, InputPage),
    uploads: async (request) => (await ask("pod/uploads", UploadsAnswer, request)).uploads,
    manifest: (request) => ask("pod/manifest", Upload, request),
    event: (event) => ask("events", EventAnswer, event),
  };
}
