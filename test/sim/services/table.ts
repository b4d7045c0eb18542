import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import type { World } from "../world/world.ts";
import { compileCondition } from "./conditions.ts";
import { checkPlaceholders, type Item, type Scope } from "./expressions.ts";
import { compileUpdate } from "./updates.ts";

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** A conditional write, as it was asked for. */
export interface Write {
  readonly key: Key;
  readonly condition: string | undefined;
  /** The new item as a whole, or an update expression. */
  readonly change: { readonly put: Item } | { readonly update: string };
  readonly names: Scope["names"];
  readonly values: Scope["values"];
}

export interface TableObserver {
  written(before: Item | undefined, after: Item): void;
  refused(write: Write, existing: Item | undefined): void;
}

interface Version {
  readonly at: number;
  readonly item: Item;
}

/** A copy, as a client gets it: what it does to it changes nothing here. */
export const copyOf = (item: Item): Item => JSON.parse(JSON.stringify(item)) as Item;

const MAX_ITEM_BYTES = 400 * 1024;

/**
 * A model of one DynamoDB table: conditional writes of single items, linearizable for each key; reads that are not
 * consistent, and those of secondary indexes, may answer what was true a while ago. Items are kept as they were written,
 * version by version, and never changed in place.
 */
export class TableModel {
  readonly #world: World;
  readonly #observer: TableObserver;
  readonly #versions = new Map<string, Version[]>();

  constructor(world: World, observer: TableObserver) {
    this.#world = world;
    this.#observer = observer;
  }

  get({ pk, sk }: Key): Item | undefined {
    return this.#versions.get(`${pk}\n${sk}`)?.at(-1)?.item;
  }

  /** All items, as they were so many milliseconds ago. */
  items(ageMs: number): Item[] {
    const at = this.#world.timeline.now() - ageMs;
    const items: Item[] = [];
    for (const versions of this.#versions.values()) {
      const version = ageMs === 0 ? versions.at(-1) : versions.findLast((each) => each.at <= at);
      if (version) items.push(version.item);
    }
    return items;
  }

  /** @throws ConditionalCheckFailedException as the SDK does */
  write(write: Write): void {
    const { key, condition, change, names, values } = write;
    const before = this.get(key);
    const scope: Scope = { item: before, names, values };
    const test = condition === undefined ? undefined : compileCondition(condition);
    const update = "update" in change ? compileUpdate(change.update) : undefined;
    checkPlaceholders([...(test ? [test] : []), ...(update ? [update] : [])], scope);
    if (test && !test.evaluate(scope)) {
      this.#observer.refused(write, before);
      throw new ConditionalCheckFailedException({
        message: "The conditional request failed",
        $metadata: { httpStatusCode: 400 },
      });
    }
    const changed = "put" in change ? change.put : update?.evaluate(scope);
    const after = stored({ ...changed, ...key });
    const versions = this.#versions.get(`${key.pk}\n${key.sk}`) ?? [];
    versions.push({ at: this.#world.timeline.now(), item: after });
    this.#versions.set(`${key.pk}\n${key.sk}`, versions);
    this.#observer.written(before, after);
  }
}

/** A copy, without what is undefined: the document client drops it (`removeUndefinedValues`). */
function stored(item: Item): Item {
  const text = JSON.stringify(item);
  if (Buffer.byteLength(text) > MAX_ITEM_BYTES)
    throw new Error("Item size has exceeded the maximum allowed size");
  return JSON.parse(text) as Item;
}
