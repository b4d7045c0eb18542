import * as models from "@kubernetes/client-node/dist/gen/models/all.js";
import type { KubeObject } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { badRequest } from "./status.ts";

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

/** The client's description of every type of Kubernetes 1.36, made from its OpenAPI document. */
const types = models as unknown as Readonly<
  Record<string, { getAttributeTypeMap?(): readonly Attribute[] } | undefined>
>;

/** Quantities are texts there; a cluster takes a number just as well. */
const QUANTITIES = new Set(["limits", "requests", "hard", "sizeLimit"]);

export interface Known {
  /** What is left when fields that nobody knows are taken out; empty values of `null` are, too. */
  readonly object: KubeObject;
  /** Paths of fields that nobody knows: `spec.backofLimit`. */
  readonly unknown: readonly string[];
}

/**
 * Holds an object to the fields of its kind.
 *
 * @throws KubeError BadRequest when a value is of another type than its field
 */
export function knownFields(resource: Resource, body: unknown): Known {
  const unknown: string[] = [];
  const walk = new Walk(resource.kind, unknown);
  const object = walk.value(resource.model, body, "", "") as KubeObject;
  return { object, unknown };
}

const ARRAY = /^Array<(.*)>$/;
const MAP = /^\{ \[key: string\]: (.*); \}$/;

class Walk {
  readonly #kind: string;
  readonly #unknown: string[];

  constructor(kind: string, unknown: string[]) {
    this.#kind = kind;
    this.#unknown = unknown;
  }

  value(type: string, value: unknown, path: string, format: string): unknown {
    const item = ARRAY.exec(type)?.[1];
    if (item !== undefined) return this.#list(item, value, path, format);
    const entry = MAP.exec(type)?.[1];
    if (entry !== undefined) return this.#map(entry, value, path, format);
    const attributes = types[type]?.getAttributeTypeMap?.();
    if (attributes) return this.#object(attributes, value, path);
    return this.#scalar(type, value, path, format);
  }

  #object(attributes: readonly Attribute[], value: unknown, path: string): object {
    const found = this.#record(value, path);
    const kept: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(found)) {
      const at = path === "" ? name : `${path}.${name}`;
      const attribute = attributes.find(({ baseName }) => baseName === name);
      if (!attribute) this.#unknown.push(at);
      else if (inner !== null) kept[name] = this.value(attribute.type, inner, at, attribute.format || name);
    }
    return kept;
  }

  #list(type: string, value: unknown, path: string, format: string): unknown[] {
    if (!Array.isArray(value)) throw this.#mistyped(value, path, "array");
    return value.map((item, index) => this.value(type, item, `${path}[${index}]`, format));
  }

  #map(type: string, value: unknown, path: string, format: string): object {
    const entries = Object.entries(this.#record(value, path)).filter(([, inner]) => inner !== null);
    return Object.fromEntries(
      entries.map(([key, inner]) => [key, this.value(type, inner, `${path}.${key}`, format)]),
    );
  }

  #scalar(type: string, value: unknown, path: string, format: string): unknown {
    if (type === "string" && QUANTITIES.has(format) && typeof value === "number") return String(value);
    if (type === "number" && format.startsWith("int") && !Number.isInteger(value))
      throw this.#mistyped(value, path, format);
    if ((type === "string" || type === "number" || type === "boolean") && typeof value !== type)
      throw this.#mistyped(value, path, type === "boolean" ? "bool" : type);
    if (type === "Date" && (typeof value !== "string" || Number.isNaN(Date.parse(value))))
      throw this.#mistyped(value, path, "Time");
    return value;
  }

  #record(value: unknown, path: string): Record<string, unknown> {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw this.#mistyped(value, path, "object");
  }

  #mistyped(value: unknown, path: string, wanted: string): Error {
    const got = Array.isArray(value) ? "array" : typeof value;
    return badRequest(
      `${this.#kind} in version "v1" cannot be handled as a ${this.#kind}: json: cannot unmarshal ${got} into Go struct field ${this.#kind}.${path} of type ${wanted}`,
    );
  }
}
