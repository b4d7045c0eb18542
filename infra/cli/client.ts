import type { Command } from "commander";
import { ApiClient, LOCAL_URL } from "../../lib/client/api-client.ts";
import { realSurroundings } from "../../lib/client/surroundings.ts";

/** Adds the option that says which runtime or deployment is meant. */
export const withUrl = (command: Command): Command =>
  command
    .option("--url <url>", "the API (default: MILLRACE_URL, or this machine's runtime)")
    .option("--json", "print JSON");

export interface ClientOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** @throws ApiError when the URL is none */
export const apiAt = ({ url }: ClientOptions): ApiClient =>
  // An empty variable is one that is not set.
  new ApiClient(url ?? (process.env["MILLRACE_URL"] || LOCAL_URL), realSurroundings);

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
