import { randomUUID } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { KubeObject } from "./objects.ts";
import { wholeNumber } from "./query.ts";
import { apiVersionOf, type Resource } from "./resources.ts";
import { KubeError } from "./status.ts";

/** A page can be asked for so long after the one before it; a cluster forgets what it was after five minutes, too. */
const PAGES_KEPT_MS = 300_000;

interface Rest {
  readonly objects: readonly KubeObject[];
  readonly version: number;
  readonly until: number;
}

/** Lists in pages, all of which show the moment of the first. */
export class Listings {
  readonly #clock: Clock;
  readonly #rests = new Map<string, Rest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  first(resource: Resource, objects: readonly KubeObject[], version: number, query: URLSearchParams): object {
    return this.#page(resource, objects, version, limitOf(query));
  }

  /** @throws KubeError Expired */
  next(resource: Resource, token: string, query: URLSearchParams): object {
    const rest = this.#rests.get(token);
    if (!rest || rest.until < this.#clock.now()) {
      throw new KubeError(
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. Start a new list without the continue parameter.",
      );
    }
    return this.#page(resource, rest.objects, rest.version, limitOf(query));
  }

  #page(resource: Resource, objects: readonly KubeObject[], version: number, limit: number): object {
    const items = objects.slice(0, limit);
    const rest = objects.slice(limit);
    return {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion: String(version),
        ...(rest.length > 0 && { continue: this.#keep(rest, version), remainingItemCount: rest.length }),
      },
      items,
    };
  }

  #keep(objects: readonly KubeObject[], version: number): string {
    const now = this.#clock.now();
    for (const [token, { until }] of this.#rests) if (until < now) this.#rests.delete(token);
    const token = Buffer.from(randomUUID()).toString("base64url");
    this.#rests.set(token, { objects, version, until: now + PAGES_KEPT_MS });
    return token;
  }
}

const limitOf = (query: URLSearchParams): number => wholeNumber(query, "limit") || Number.POSITIVE_INFINITY;
