import { qualified, qualifiedKind, type Resource } from "./resources.ts";

/** Reasons of refusals with their HTTP status. https://kubernetes.io/docs/reference/using-api/api-concepts/ */
const CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
} as const;

export type Reason = keyof typeof CODES;

/** One field that is not as it must be. */
export interface Cause {
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueDuplicate"
    | "FieldValueTooMany"
    | "FieldManagerConflict";
  readonly message: string;
  readonly field: string;
}

export interface Details {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: readonly Cause[];
  retryAfterSeconds?: number;
}

/** A refusal, which the client sees as a `Status` object. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly reason: Reason;
  readonly details: Details | undefined;

  constructor(reason: Reason, message: string, details?: Details) {
    super(message);
    this.reason = reason;
    this.details = details;
  }

  get code(): number {
    return CODES[this.reason];
  }

  toStatus(): object {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

/** What a delete answers that leaves nothing behind. */
export const deleted = (resource: Resource, name: string, uid: string): object => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  details: { name, ...groupOf(resource), kind: resource.plural, uid },
});

const groupOf = ({ group }: Pick<Resource, "group">): { group?: string } => (group === "" ? {} : { group });

const about = (resource: Resource, name: string): Details => ({
  name,
  ...groupOf(resource),
  kind: resource.plural,
});

export const notFound = (resource: Resource, name: string): KubeError =>
  new KubeError("NotFound", `${qualified(resource)} "${name}" not found`, about(resource, name));

export const noSuchPath = (): KubeError =>
  new KubeError("NotFound", "the server could not find the requested resource", {});

export const alreadyExists = (resource: Resource, name: string, isTerminating: boolean): KubeError =>
  new KubeError(
    "AlreadyExists",
    isTerminating
      ? `object is being deleted: ${qualified(resource)} "${name}" already exists`
      : `${qualified(resource)} "${name}" already exists`,
    about(resource, name),
  );

export const conflict = (resource: Resource, name: string, why: string): KubeError =>
  new KubeError(
    "Conflict",
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    about(resource, name),
  );

export const forbidden = (resource: Resource, name: string, why: string): KubeError =>
  new KubeError(
    "Forbidden",
    `${qualified(resource)}${name === "" ? "" : ` "${name}"`} is forbidden: ${why}`,
    about(resource, name),
  );

/** Names every field that is at fault at once. */
export function invalid(
  resource: Pick<Resource, "kind" | "group">,
  name: string,
  causes: readonly Cause[],
): KubeError {
  const listed = causes.map(({ field, message }) => `${field}: ${message}`);
  const all = listed.length === 1 ? listed[0] : `[${listed.join(", ")}]`;
  return new KubeError("Invalid", `${qualifiedKind(resource)} "${name}" is invalid: ${all}`, {
    name,
    ...groupOf(resource),
    kind: resource.kind,
    causes,
  });
}

const OPTIONS: Record<string, string> = { create: "Create", update: "Update", patch: "Patch" };

/** What a request says beside its object. */
export const invalidOptions = (verb: string, cause: Cause): KubeError =>
  new KubeError(
    "Invalid",
    `${OPTIONS[verb] ?? "Delete"}Options.meta.k8s.io "" is invalid: ${cause.field}: ${cause.message}`,
    { causes: [cause] },
  );

export const badRequest = (message: string): KubeError => new KubeError("BadRequest", message);

export const required = (field: string, why = ""): Cause => ({
  reason: "FieldValueRequired",
  message: `Required value${why === "" ? "" : `: ${why}`}`,
  field,
});

export const wrong = (field: string, value: unknown, why: string): Cause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  field,
});

export const unsupported = (field: string, value: unknown, allowed: readonly string[]): Cause => ({
  reason: "FieldValueNotSupported",
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${allowed.map((each) => JSON.stringify(each)).join(", ")}`,
  field,
});

export const tooMany = (field: string, count: number, most: number): Cause => ({
  reason: "FieldValueTooMany",
  message: `Too many: ${count}: must have at most ${most} items`,
  field,
});

export const notAllowed = (field: string, why: string): Cause => ({
  reason: "FieldValueForbidden",
  message: `Forbidden: ${why}`,
  field,
});
