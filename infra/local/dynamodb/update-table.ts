import type { Clock } from "../../../lib/clock.ts";
import type { Catalog } from "./catalog.ts";
import type { ItemStore } from "./item-store.ts";
import type {
  AttributeDefinition,
  IndexDefinition,
  Input,
  KeySchema,
  TableDescription,
  Throughput,
} from "./model.ts";
import type { Operation } from "./operation.ts";
import { addEntry, indexesOf } from "./secondary-entries.ts";
import { serviceError } from "./service-error.ts";
import { describeTable, inProgress, type TableDefinition } from "./table-description.ts";
import { tableNameType, validated, validations } from "./validation.ts";

interface IndexUpdate {
  Create?: IndexDefinition;
  Delete?: { IndexName: string };
  Update?: { IndexName: string; ProvisionedThroughput: Throughput };
}

interface Changes {
  AttributeDefinitions?: AttributeDefinition[];
  BillingMode?: "PAY_PER_REQUEST" | "PROVISIONED";
  ProvisionedThroughput?: Throughput;
  DeletionProtectionEnabled?: boolean;
  GlobalSecondaryIndexUpdates?: IndexUpdate[];
}

const isCreateOrDelete = (update: IndexUpdate): boolean => Boolean(update.Create ?? update.Delete);

function changedIndex(indexes: IndexDefinition[], update: IndexUpdate): IndexDefinition[] {
  if (update.Create) return [...indexes, update.Create];
  const { Update: changed, Delete: removed } = update;
  const name = removed?.IndexName ?? changed?.IndexName;
  if (!indexes.some((index) => index.IndexName === name)) {
    throw serviceError("ResourceNotFoundException", `Requested resource not found: Index: ${name}`);
  }
  if (removed) return indexes.filter((index) => index.IndexName !== name);
  return indexes.map((index) =>
    index.IndexName === name && changed
      ? { ...index, ProvisionedThroughput: changed.ProvisionedThroughput }
      : index,
  );
}

/** Definitions by name, the later over the earlier, without those that no key uses any more. */
function usedDefinitions(definitions: AttributeDefinition[], keys: KeySchema[]): AttributeDefinition[] {
  const used = new Set(keys.flat().map((key) => key.AttributeName));
  const byName = new Map(definitions.map((definition) => [definition.AttributeName, definition]));
  return [...byName.values()].filter((definition) => used.has(definition.AttributeName));
}

/** The changed table, as one would create it: whatever is wrong with a change is wrong with that. */
function changedDefinition(before: TableDescription, changes: Changes): TableDefinition {
  const { TableName, KeySchema, LocalSecondaryIndexes: local = [] } = before;
  const billing = changes.BillingMode ?? before.BillingModeSummary?.BillingMode ?? "PROVISIONED";
  const onDemand = billing === "PAY_PER_REQUEST";
  const global = (changes.GlobalSecondaryIndexUpdates ?? [])
    .reduce(changedIndex, before.GlobalSecondaryIndexes ?? [])
    .map(({ ProvisionedThroughput, ...index }) => (onDemand ? index : { ...index, ProvisionedThroughput }));
  const definitions = [...before.AttributeDefinitions, ...(changes.AttributeDefinitions ?? [])];
  // Of a new index nothing is validated yet.
  const indexKeys = [...local, ...global].map((index) => index.KeySchema ?? []);
  return {
    TableName,
    KeySchema,
    BillingMode: billing,
    AttributeDefinitions: usedDefinitions(definitions, [KeySchema, ...indexKeys]),
    ...(!onDemand && {
      ProvisionedThroughput: changes.ProvisionedThroughput ?? before.ProvisionedThroughput,
    }),
    ...(local.length > 0 && { LocalSecondaryIndexes: local }),
    ...(global.length > 0 && { GlobalSecondaryIndexes: global as IndexDefinition[] }),
  };
}

/**
 * UpdateTable: indexes added and removed, billing, throughput and deletion protection. An added index is filled before
 * the answer, where AWS takes minutes.
 */
export function updateTable(catalog: Catalog, items: ItemStore, clock: Clock): Operation {
  return (input) => {
    const { TableName } = validated(input, { types: { TableName: tableNameType } }) as { TableName: string };
    const changes = input as Changes;
    const indexUpdates = changes.GlobalSecondaryIndexUpdates ?? [];
    if (indexUpdates.filter(isCreateOrDelete).length > 1) {
      throw serviceError(
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
      );
    }
    const record = catalog.get(TableName);
    const { description: before } = record;
    // A copy, since validating strips members that a definition does not have from the objects themselves.
    const changed: Input = { ...structuredClone(changedDefinition(before, changes)) };
    const definition = validated(changed, validations.CreateTable);
    const after: TableDescription = {
      ...describeTable(definition as unknown as TableDefinition, clock.now()),
      TableId: before.TableId,
      CreationDateTime: before.CreationDateTime,
      DeletionProtectionEnabled: changes.DeletionProtectionEnabled ?? before.DeletionProtectionEnabled,
    };
    replaceIndexes(items, before, after);
    catalog.save({ ...record, description: after });
    return { TableDescription: inProgress(after, "UPDATING") };
  };
}

function replaceIndexes(items: ItemStore, before: TableDescription, after: TableDescription): void {
  const names = (table: TableDescription) => new Set(indexesOf(table).map((index) => index.IndexName));
  const had = names(before);
  const has = names(after);
  for (const name of had) if (!has.has(name)) items.removeIndex(after.TableName, name);
  const added = indexesOf(after).filter((index) => !had.has(index.IndexName));
  if (added.length === 0) return;
  for (const item of items.range(after.TableName, undefined, {})) {
    for (const index of added) addEntry(items, after, index, item);
  }
}
