import { type Clock, sleep } from "../clock.ts";
import { MillraceError } from "../errors.ts";

/** The HTTP API from outside: what the command line and `PipelineJob` speak through. */

/** Port of the runtime on this machine, unless it is told otherwise. */
export const DEFAULT_PORT = 7420;
export const LOCAL_URL = `http://127.0.0.1:${DEFAULT_PORT}`;

/** The body of an answer that refuses (RFC 9457), as far as it was understood. */
export interface ProblemBody {
  readonly status?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
}

/**
 * A request that was refused, or could not be made. `code` is the API's own, or `service-unreachable` when nothing answered,
 * or `not-millrace` when something else did.
 */
export class ApiError extends MillraceError {
  override readonly name = "ApiError";
  /** Of HTTP; absent when there was no answer. */
  readonly status: number | undefined;
  readonly problem: ProblemBody;

  constructor(status: number | undefined, problem: ProblemBody, cause?: unknown) {
    const { code = "refused", detail = `the API answered ${status}`, hint } = problem;
    super(code, detail, { ...(hint !== undefined && { hint }), cause });
    this.status = status;
    this.problem = problem;
  }

  /** Trying again may help; what was asked for was not at fault. */
  get isService(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500;
  }
}

export interface Surroundings {
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  fetch(url: URL, init: RequestInit): Promise<Response>;
}

interface Request {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** Goes with it as `Authorization: Bearer`. */
  readonly key?: string | undefined;
  /** Goes with the key as `x-nonce`. */
  readonly nonce?: string | undefined;
  /** Doing it twice does no more than doing it once: it is tried again. */
  readonly isRepeatable: boolean;
}

/** Tries of a request that a service was at fault for, and the longest that one waits for the next of them. */
const TRIES = 5;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 60_000;

export class ApiClient {
  readonly #base: URL;
  readonly #at: Surroundings;
  /** Something answers there: silence is then a fault that passes, and no wrong address. */
  #wasReached = false;

  /** @throws ApiError when the URL is none */
  constructor(url: string, surroundings: Surroundings) {
    if (!URL.canParse(url) || !/^https?:/.test(new URL(url).protocol)) {
      throw new ApiError(undefined, {
        code: "no-url",
        detail: `"${url}" is not a URL of HTTP`,
        hint: `for example ${LOCAL_URL}`,
      });
    }
    this.#base = new URL(url);
    this.#at = surroundings;
  }

  /** @throws ApiError after all tries */
  async request<T>(request: Request): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#try<T>(request);
      if (!("error" in answer)) return answer.body;
      const pause = FIRST_WAIT_MS * 2 ** tries * (0.5 + this.#at.random() / 2);
      const wait = Math.max(pause, answer.retryAfterMs ?? 0);
      const isWorthIt = request.isRepeatable && answer.mayPass && wait <= LONGEST_WAIT_MS;
      if (!isWorthIt || tries === TRIES) throw answer.error;
      await sleep(this.#at.clock, wait);
    }
  }

  /** Uploads to a URL that the API has given: elsewhere, and without credentials. @throws ApiError */
  async upload(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<void> {
    // Bytes have no media type of their own: the object's is then taken from its name.
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const { status, ok } = await this.#at
      .fetch(new URL(url), { method: "PUT", body: bytes })
      .catch((cause: unknown) => {
        throw unreachable(new URL(url), cause);
      });
    if (!ok)
      throw new ApiError(status, {
        code: "upload-refused",
        detail: `the upload was answered with ${status}`,
      });
  }

  async #try<T>(request: Request): Promise<{ body: T } | Failure> {
    let response: Response;
    try {
      response = await this.#at.fetch(this.#url(request), initOf(request));
    } catch (cause) {
      // It was not sent: there is nobody to send it as.
      if (cause instanceof MillraceError) throw cause;
      return { error: unreachable(this.#base, cause), mayPass: this.#wasReached };
    }
    const body: unknown = await response.json().catch(() => undefined);
    const isOurs = typeof body === "object" && body !== null;
    this.#wasReached ||= isOurs;
    if (isOurs && response.ok) return { body: body as T };
    const { status, headers } = response;
    const retryAfterMs = waitOf(headers.get("retry-after"), this.#at.clock.now());
    return {
      error: isOurs ? new ApiError(status, problemOf(status, body)) : foreign(status, this.#base),
      mayPass: status === 429 || status === 503,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }

  #url({ path, query = {} }: Request): URL {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url;
  }
}

interface Failure {
  readonly error: ApiError;
  readonly mayPass: boolean;
  readonly retryAfterMs?: number;
}

const initOf = ({ method, body, key, nonce }: Request): RequestInit => ({
  method,
  headers: {
    ...(body !== undefined && { "content-type": "application/json" }),
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(nonce !== undefined && { "x-nonce": nonce }),
  },
  ...(body !== undefined && { body: JSON.stringify(body) }),
});

const unreachable = ({ origin }: URL, cause: unknown): ApiError =>
  new ApiError(
    undefined,
    {
      code: "service-unreachable",
      detail: `nothing answers at ${origin}`,
      hint: "start the runtime with: millrace dev; or say where it is: --url URL or MILLRACE_URL",
    },
    cause,
  );

const foreign = (status: number, { origin }: URL): ApiError =>
  new ApiError(status, {
    code: "not-millrace",
    detail: `what answers at ${origin} is not Millrace`,
    hint: "say where it is: --url URL or MILLRACE_URL",
  });

/** What refuses with no code of ours is the gateway before the API: `{ "message": "Forbidden" }`. */
function problemOf(status: number, body: ProblemBody & { readonly message?: unknown }): ProblemBody {
  if (body.code !== undefined || typeof body.message !== "string") return body;
  const detail = `the API's gateway answered ${status}: ${body.message}`;
  const isStranger = status === 401 || status === 403;
  return {
    status,
    code: isStranger ? "not-admitted" : "refused",
    detail,
    ...(isStranger && { hint: ADMITTED }),
  };
}

const ADMITTED =
  "it admits whom IAM allows execute-api:Invoke on it, or who has its JWT: sign (--sign), with the right account (aws sts get-caller-identity) and clock, or set MILLRACE_JWT";

/** `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3). @returns milliseconds */
function waitOf(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  // `Date.parse` finds a date in "-1" and in "1.5" as well.
  const at = header.endsWith(" GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? undefined : at - now;
}

/** A path of the API with its parts encoded. */
export const path = (strings: TemplateStringsArray, ...parts: readonly string[]): string =>
  String.raw({ raw: strings }, ...parts.map(encodeURIComponent));
