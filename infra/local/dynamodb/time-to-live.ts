import type { Catalog } from "./catalog.ts";
import type { ItemStore } from "./item-store.ts";
import type { TableRecord } from "./model.ts";
import type { Operation } from "./operation.ts";
import { addExpiry, replaceEntries } from "./secondary-entries.ts";
import { validationError } from "./service-error.ts";
import { type Types, tableNameType, validated } from "./validation.ts";

/** An item that should have expired longer ago stays: its attribute is taken for a mistake, as on AWS. */
const oldestSeconds = 5 * 365 * 24 * 60 * 60;

/** Few enough that a sweep does not hold up requests; with more to do the next one follows at once. */
const itemsPerSweep = 500;

const updateTypes: Types = {
  TableName: tableNameType,
  TimeToLiveSpecification: {
    type: "FieldStruct<TimeToLiveSpecification>",
    notNull: true,
    children: {
      Enabled: { type: "Boolean", notNull: true },
      AttributeName: {
        type: "String",
        notNull: true,
        lengthGreaterThanOrEqual: 1,
        lengthLessThanOrEqual: 255,
      },
    },
  },
};

interface UpdateTimeToLive {
  TableName: string;
  TimeToLiveSpecification: { Enabled: boolean; AttributeName: string };
}

function refuseNoChange(
  current: string | undefined,
  wanted: UpdateTimeToLive["TimeToLiveSpecification"],
): void {
  if (wanted.Enabled && current !== undefined) {
    throw validationError(
      current === wanted.AttributeName
        ? "TimeToLive is already enabled"
        : `TimeToLive is active on a different AttributeName: current AttributeName is ${current}`,
    );
  }
  if (!wanted.Enabled && current === undefined) throw validationError("TimeToLive is already disabled");
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html */
export function timeToLive(catalog: Catalog, items: ItemStore): Record<string, Operation> {
  return {
    UpdateTimeToLive(input) {
      const { TableName, TimeToLiveSpecification } = validated(input, {
        types: updateTypes,
      }) as unknown as UpdateTimeToLive;
      const { timeToLiveAttribute, ...record } = catalog.get(TableName);
      refuseNoChange(timeToLiveAttribute, TimeToLiveSpecification);
      if (!TimeToLiveSpecification.Enabled) {
        items.removeExpiries(TableName);
        catalog.save(record);
        return { TimeToLiveSpecification };
      }
      const attribute = TimeToLiveSpecification.AttributeName;
      for (const item of items.range(TableName, undefined, {})) {
        addExpiry(items, record.description, attribute, item);
      }
      catalog.save({ ...record, timeToLiveAttribute: attribute });
      return { TimeToLiveSpecification };
    },

    DescribeTimeToLive(input) {
      const { TableName } = validated(input, { types: { TableName: tableNameType } }) as {
        TableName: string;
      };
      const { timeToLiveAttribute: AttributeName } = catalog.get(TableName);
      const TimeToLiveDescription = AttributeName
        ? { TimeToLiveStatus: "ENABLED", AttributeName }
        : { TimeToLiveStatus: "DISABLED" };
      return { TimeToLiveDescription };
    },
  };
}

function sweepTable(items: ItemStore, record: TableRecord, seconds: number): number {
  const { TableName } = record.description;
  const keys = items.due(TableName, seconds - oldestSeconds, seconds, itemsPerSweep);
  for (const key of keys) {
    replaceEntries(items, record, items.get(TableName, key), null);
    items.remove(TableName, key);
  }
  return keys.length;
}

/** Removes expired items of all tables, to be called in a transaction. True if some may be left. `now` in milliseconds. */
export function removeExpired(catalog: Catalog, items: ItemStore, now: number): boolean {
  const swept = catalog.names().map((name) => {
    const record = catalog.get(name);
    return record.timeToLiveAttribute === undefined ? 0 : sweepTable(items, record, now / 1000);
  });
  return swept.includes(itemsPerSweep);
}
