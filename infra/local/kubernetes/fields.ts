import { createRequire } from "node:module";
import type { KubeObject } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { badRequest } from "./status.ts";

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

/** Types of the client's description that have no fields. */
const PLAIN = new Set(["string", "number", "boolean", "any", "Date", "IntOrString", "V1MicroTime"]);

const load = createRequire(import.meta.url);
const known = new Map<string, readonly Attribute[]>();

/**
 * The fields of a type, as the client describes Kubernetes 1.36, made from its OpenAPI document. A type is loaded when it is
 * first met: all 900 of them take 300 to 500 ms.
 */
function attributesOf(type: string): readonly Attribute[] | undefined {
  if (PLAIN.has(type)) return undefined;
  const found = known.get(type) ?? described(type);
  known.set(type, found);
  return found;
}

function described(type: string): readonly Attribute[] {
  const file = `@kubernetes/client-node/dist/gen/models/${type}.js`;
  const models = load(file) as Record<string, { getAttributeTypeMap(): readonly Attribute[] } | undefined>;
  return models[type]?.getAttributeTypeMap() ?? [];
}

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
export function knownFields(resource: Pick<Resource, "kind" | "model">, body: unknown): Known {
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
    const fields = attributesOf(type);
    if (fields) return this.#object(fields, value, path);
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
