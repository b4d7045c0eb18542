import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../../lib/clock.ts";
import { transactionsOf } from "../sqlite-file.ts";
import { type ActionStore, actionStore, actions, runAction } from "./actions.ts";
import { Catalog } from "./catalog.ts";
import { ClientTokens } from "./client-tokens.ts";
import { continuousBackups } from "./continuous-backups.ts";
import { ItemStore } from "./item-store.ts";
import type { Input } from "./model.ts";
import type { Operation } from "./operation.ts";
import { tableOperations } from "./table-operations.ts";
import { tagOperations } from "./tag-operations.ts";
import { removeExpired, timeToLive } from "./time-to-live.ts";
import { transactGet } from "./transact-get.ts";
import { transactWrite } from "./transact-write.ts";
import { updateTable } from "./update-table.ts";
import { validated, validations } from "./validation.ts";

/** DynamoDB without the wire. */
export interface Service {
  /** An operation by its AWS name; nothing if the service has no such operation. */
  operation(name: string): Operation | undefined;
  /** Removes what has expired at `now` (milliseconds). True if there may be more to remove at once. */
  sweep(now: number): boolean;
}

function itemOperations(store: ActionStore): Record<string, Operation> {
  const names = Object.keys(actions) as (keyof typeof actions)[];
  const operationOf =
    (name: keyof typeof actions): Operation =>
    (input) =>
      runAction(actions[name], store, validated(input, validations[name]));
  return Object.fromEntries(names.map((name) => [name, operationOf(name)]));
}

/** The whole service over one database. Each operation is a transaction of its own. */
export function createService(database: DatabaseSync, clock: Clock): Service {
  const catalog = new Catalog(database);
  const items = new ItemStore(database);
  const tokens = new ClientTokens(database);
  const store = actionStore(catalog, items);
  const transaction = transactionsOf(database);

  const operations: Record<string, Operation> = {
    ...itemOperations(store),
    ...tableOperations(catalog, items, clock),
    ...tagOperations(catalog),
    ...timeToLive(catalog, items),
    ...continuousBackups(catalog),
    UpdateTable: updateTable(catalog, items, clock),
    TransactWriteItems: transactWrite(store, tokens, clock),
    TransactGetItems: transactGet(store),
  };
  const atomic = new Map(
    Object.entries(operations).map(([name, run]) => [name, (input: Input) => transaction(() => run(input))]),
  );
  return {
    operation: (name) => atomic.get(name),
    sweep: (now) =>
      transaction(() => {
        tokens.forgetOld(now);
        return removeExpired(catalog, items, now);
      }),
  };
}
