import type { Command } from "commander";
import { CliError, EXIT } from "./terminal.ts";

export const DEFAULT_PORT = 7420;

interface Problem {
  readonly detail?: string;
  readonly hint?: string;
}

/** Adds the option that says which runtime or deployment is meant. */
export const withUrl = (command: Command): Command =>
  command
    .option("--url <url>", "the API (default: MILLRACE_URL, or this machine's runtime)")
    .option("--json", "print JSON");

export interface ClientOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** The HTTP API, as the commands use it. A refusal becomes an error with the API's own words. */
export class Client {
  readonly #base: URL;

  /** @throws CliError when the URL is none */
  constructor({ url = process.env["MILLRACE_URL"] ?? `http://127.0.0.1:${DEFAULT_PORT}` }: ClientOptions) {
    if (!URL.canParse(url))
      throw new CliError(EXIT.usage, `"${url}" is not a URL`, "for example http://127.0.0.1:7420");
    this.#base = new URL(url);
  }

  get<T>(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return this.#request(url, { method: "GET" });
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#request(new URL(path, this.#base), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  async #request<T>(url: URL, init: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch {
      throw new CliError(
        EXIT.service,
        `nothing answers at ${this.#base.origin}`,
        "start the runtime with: millrace dev; or say where it is: --url URL or MILLRACE_URL",
      );
    }
    const body: unknown = await response.json().catch(() => undefined);
    if (typeof body !== "object" || body === null) {
      throw new CliError(
        EXIT.service,
        `what answers at ${this.#base.origin} is not Millrace`,
        "say where it is: --url URL or MILLRACE_URL",
      );
    }
    if (response.ok) return body as T;
    const { detail = `the API answered ${response.status}`, hint } = body as Problem;
    throw new CliError(response.status >= 500 ? EXIT.service : EXIT.input, detail, hint);
  }
}

/** A path of the API with its parts encoded. */
export const path = (strings: TemplateStringsArray, ...parts: readonly string[]): string =>
  String.raw({ raw: strings }, ...parts.map(encodeURIComponent));
