import { applyPatch, type Operation } from "rfc6902";
import type { KubeObject } from "./objects.ts";
import { badRequest, KubeError } from "./status.ts";

export const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

/**
 * What an object becomes by a patch. A strategic merge would merge lists by the keys of their items; it is taken as a plain
 * merge where it has no lists, and refused where it has.
 *
 * @throws KubeError BadRequest, UnsupportedMediaType, Invalid
 */
export function patched(object: KubeObject, type: string, patch: unknown): KubeObject {
  if (type === PATCH_TYPES.json) return jsonPatched(object, patch);
  if (type === PATCH_TYPES.strategic && hasList(patch))
    throw new KubeError(
      "UnsupportedMediaType",
      `the local Kubernetes merges no lists: send ${PATCH_TYPES.merge} or ${PATCH_TYPES.apply}`,
    );
  if (type === PATCH_TYPES.merge || type === PATCH_TYPES.strategic)
    return merged(object, patch) as KubeObject;
  throw new KubeError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${Object.values(PATCH_TYPES).join(", ")}`,
  );
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else
      Object.defineProperty(result, key, {
        value: merged(result[key], value),
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
  return result;
}

function jsonPatched(object: KubeObject, patch: unknown): KubeObject {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  const copy = structuredClone(object);
  const errors = applyPatch(copy, patch as Operation[]);
  const failure = errors.find((error) => error !== null);
  if (!failure) return copy;
  throw new KubeError(
    "Invalid",
    `the server rejected our request due to an error in our request: ${failure.message}`,
  );
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const hasList = (value: unknown): boolean =>
  Array.isArray(value) || (isRecord(value) && Object.values(value).some(hasList));
