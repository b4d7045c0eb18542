import * as z from "zod/v4/core";
import { parseJson } from "../token/json.ts";

/** Requests and answers of the API, free of any server's types. */

export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Where the caller reached us, as the gateway knows it: headers may say anything. */
  readonly origin: string;
}

export interface ApiResponse {
  readonly status: number;
  readonly body: unknown;
  readonly contentType: "application/json" | "application/problem+json";
}

export const ok = (body: unknown, status = 200): ApiResponse => ({
  status,
  body,
  contentType: "application/json",
});

/** An error that the caller is told about, as RFC 9457 has it. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, detail: string, hint?: string) {
    super(detail);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }

  response(): ApiResponse {
    const { status, code, message, hint } = this;
    const body = { type: "about:blank", status, code, detail: message, ...(hint !== undefined && { hint }) };
    return { status, body, contentType: "application/problem+json" };
  }
}

export const notFound = (what: string, hint?: string): Problem => new Problem(404, "not-found", what, hint);

/** @throws Problem 400 or 422, naming every field that is wrong */
export function bodyOf<Schema extends z.$ZodType>(request: ApiRequest, schema: Schema): z.output<Schema> {
  let data: unknown;
  try {
    data = parseJson(request.body === "" ? "{}" : request.body);
  } catch (error) {
    throw new Problem(400, "malformed-json", (error as Error).message, "send one JSON object");
  }
  return checked(data, schema);
}

export const queryOf = <Schema extends z.$ZodType>(request: ApiRequest, schema: Schema): z.output<Schema> =>
  checked(request.query, schema);

function checked<Schema extends z.$ZodType>(data: unknown, schema: Schema): z.output<Schema> {
  const result = z.safeParse(schema, data);
  if (result.success) return result.data;
  const fields = result.error.issues.map(({ path, message }) => `${path.join(".") || "request"}: ${message}`);
  throw new Problem(422, "invalid-request", fields.join("; "));
}
