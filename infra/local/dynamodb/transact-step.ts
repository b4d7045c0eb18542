import db from "dynalite/db/index.js";
import { type Action, actions, type ConditionalRequest, conditionFailure } from "./actions.ts";
import type { Input, Item, TableDescription } from "./model.ts";
import { validationError } from "./service-error.ts";
import { type Types, type Validation, validated, validations } from "./validation.ts";

/** One of the up to 100 actions of a TransactWriteItems. */
export interface Step {
  action: Action;
  /** Validated, with its expressions parsed. */
  request: Input;
  tableName: string;
}

/** A condition on an item that the transaction does not write. */
const checkCondition: Action = (store, request, done) =>
  store.getTable(request["TableName"] as string, (error, table) => {
    if (error || !table) return done(error);
    const key = request["Key"] as Item;
    const invalid = db.validateKey(key, table);
    if (invalid) return done(invalid);
    const existing = store.items.get(table.TableName, db.createKey(key, table));
    done(conditionFailure(request as ConditionalRequest, existing));
  });

const kinds: Record<string, { validation: Validation; action: Action }> = {
  Put: { validation: validations.PutItem, action: actions.PutItem },
  Update: { validation: validations.UpdateItem, action: actions.UpdateItem },
  Delete: { validation: validations.DeleteItem, action: actions.DeleteItem },
  ConditionCheck: { validation: validations.DeleteItem, action: checkCondition },
};

/** The shape of a member of `TransactItems`: one structure for each kind, of which one is present. */
export const stepTypes: Types = Object.fromEntries(
  Object.entries(kinds).map(([kind, { validation }]) => [
    kind,
    { type: `FieldStruct<${kind}>`, children: validation.types },
  ]),
);

/** @throws ServiceError ValidationException */
export function stepOf(item: Record<string, Input>): Step {
  const [first, ...others] = Object.entries(item);
  const kind = first && kinds[first[0]];
  if (!kind || others.length > 0) {
    throw validationError("TransactItems can only contain one of Check, Put, Update or Delete");
  }
  const request = validated(first[1], kind.validation);
  if (kind.action === checkCondition && request["_condition"] === undefined) {
    throw validationError("The ConditionExpression of a ConditionCheck must not be null");
  }
  return { action: kind.action, request, tableName: request["TableName"] as string };
}

/** The key of the item that a step is about. Nothing for a key that the step itself will refuse. */
export function itemKeyOf(table: TableDescription, { request }: Step): string | undefined {
  const attributes = (request["Key"] ?? request["Item"]) as Item;
  const names = table.KeySchema.map((key) => key.AttributeName);
  const key = Object.fromEntries(names.map((name) => [name, attributes[name] ?? {}]));
  return db.validateKey(key, table) ? undefined : db.createKey(key, table);
}
