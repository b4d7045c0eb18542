import { randomUUID } from "node:crypto";
import type {
  AttributeDefinition,
  IndexDefinition,
  IndexDescription,
  KeySchema,
  TableDescription,
  Throughput,
} from "./model.ts";

/** A validated CreateTable. */
export interface TableDefinition {
  TableName: string;
  AttributeDefinitions: AttributeDefinition[];
  KeySchema: KeySchema;
  BillingMode?: "PAY_PER_REQUEST" | "PROVISIONED";
  ProvisionedThroughput?: Throughput;
  GlobalSecondaryIndexes?: IndexDefinition[];
  LocalSecondaryIndexes?: IndexDefinition[];
}

const arnPrefix = "arn:aws:dynamodb:us-east-1:000000000000:table/";

const throughput = (asked: Throughput | undefined) => ({
  ReadCapacityUnits: asked?.ReadCapacityUnits ?? 0,
  WriteCapacityUnits: asked?.WriteCapacityUnits ?? 0,
  NumberOfDecreasesToday: 0,
});

const localIndex = (tableArn: string, definition: IndexDefinition): IndexDescription => {
  const { IndexName, KeySchema, Projection } = definition;
  const IndexArn = `${tableArn}/index/${IndexName}`;
  return { IndexName, KeySchema, Projection, IndexArn, IndexSizeBytes: 0, ItemCount: 0 };
};

export const globalIndex = (tableArn: string, definition: IndexDefinition): IndexDescription => ({
  ...localIndex(tableArn, definition),
  IndexStatus: "ACTIVE",
  ProvisionedThroughput: throughput(definition.ProvisionedThroughput),
});

/** `now` in milliseconds. Sizes and counts stay 0: on AWS they are up to six hours old. */
export function describeTable(definition: TableDefinition, now: number): TableDescription {
  const TableArn = arnPrefix + definition.TableName;
  const { GlobalSecondaryIndexes: global, LocalSecondaryIndexes: local } = definition;
  return {
    TableName: definition.TableName,
    TableArn,
    TableId: randomUUID(),
    TableStatus: "ACTIVE",
    CreationDateTime: now / 1000,
    AttributeDefinitions: definition.AttributeDefinitions,
    KeySchema: definition.KeySchema,
    ...(local && { LocalSecondaryIndexes: local.map((index) => localIndex(TableArn, index)) }),
    ...(global && { GlobalSecondaryIndexes: global.map((index) => globalIndex(TableArn, index)) }),
    ...(definition.BillingMode === "PAY_PER_REQUEST" && {
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
    }),
    ProvisionedThroughput: throughput(definition.ProvisionedThroughput),
    DeletionProtectionEnabled: false,
    TableSizeBytes: 0,
    ItemCount: 0,
  };
}

/** What a caller is told while AWS would still be at work; the next DescribeTable shows it done. */
export const inProgress = (
  table: TableDescription,
  status: "CREATING" | "UPDATING" | "DELETING",
): TableDescription => ({ ...table, TableStatus: status });
