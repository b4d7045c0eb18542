import type { Command } from "commander";
import { ApiClient, LOCAL_URL } from "../../lib/client/api-client.ts";
import { realSurroundings } from "../../lib/client/surroundings.ts";
import { identified } from "./identity.ts";

/** Adds the option that says which runtime or deployment is meant. */
export const withUrl = (command: Command): Command =>
  command
    .option("--url <url>", "the API (default: MILLRACE_URL, or this machine's runtime)")
    .option("--sign", "sign requests with the AWS identity (default: when the URL is an API Gateway's)")
    .option("--no-sign", "do not")
    .option("--json", "print JSON");

export interface ClientOptions {
  readonly url?: string | undefined;
  readonly sign?: boolean | undefined;
  readonly json?: boolean;
}

/** @throws ApiError when the URL is none */
export function apiAt({ url, sign }: ClientOptions): ApiClient {
  const { env } = process;
  // An empty variable is one that is not set.
  const at = url ?? (env["MILLRACE_URL"] || LOCAL_URL);
  return new ApiClient(at, identified(realSurroundings, at, { sign, env }));
}

/** The HTTP API, as the commands use it. A refusal becomes an error with the API's own words. */
export class Client {
  readonly #api: ApiClient;

  /** @throws ApiError when the URL is none */
  constructor(options: ClientOptions) {
    this.#api = apiAt(options);
  }

  get<T>(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    return this.#api.request({ method: "GET", path, query, isRepeatable: true });
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#api.request({ method: "POST", path, body, isRepeatable: false });
  }
}
