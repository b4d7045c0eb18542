/**
 * The words of the DynamoDB protocol that this service works with, in their wire form.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Types_Amazon_DynamoDB.html
 */

/** Exactly one member is present. Numbers are decimal strings, binary values base64. */
export interface AttributeValue {
  S?: string;
  N?: string;
  B?: string;
  BOOL?: boolean;
  NULL?: boolean;
  SS?: string[];
  NS?: string[];
  BS?: string[];
  L?: AttributeValue[];
  M?: Item;
}

/** An item, or the attributes of its key, or those of a map. */
export type Item = Record<string, AttributeValue>;

export type KeySchema = { AttributeName: string; KeyType: "HASH" | "RANGE" }[];

export interface Throughput {
  ReadCapacityUnits: number;
  WriteCapacityUnits: number;
}

interface ThroughputDescription extends Throughput {
  NumberOfDecreasesToday: number;
}

export interface Projection {
  ProjectionType: "ALL" | "INCLUDE" | "KEYS_ONLY";
  NonKeyAttributes?: string[];
}

/** A secondary index as a caller asks for it. */
export interface IndexDefinition {
  IndexName: string;
  KeySchema: KeySchema;
  Projection: Projection;
  ProvisionedThroughput?: Throughput;
}

export interface IndexDescription extends IndexDefinition {
  IndexArn: string;
  IndexSizeBytes: number;
  ItemCount: number;
  /** Absent for a local secondary index. */
  IndexStatus?: "ACTIVE" | "CREATING";
  ProvisionedThroughput?: ThroughputDescription;
}

export interface AttributeDefinition {
  AttributeName: string;
  AttributeType: "S" | "N" | "B";
}

export interface TableDescription {
  TableName: string;
  TableArn: string;
  TableId: string;
  TableStatus: "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
  /** Seconds since 1970. */
  CreationDateTime: number;
  AttributeDefinitions: AttributeDefinition[];
  KeySchema: KeySchema;
  GlobalSecondaryIndexes?: IndexDescription[];
  LocalSecondaryIndexes?: IndexDescription[];
  BillingModeSummary?: { BillingMode: "PAY_PER_REQUEST" | "PROVISIONED" };
  ProvisionedThroughput: ThroughputDescription;
  DeletionProtectionEnabled: boolean;
  TableSizeBytes: number;
  ItemCount: number;
}

/** All that is remembered about a table, apart from its items. */
export interface TableRecord {
  description: TableDescription;
  /** The attribute that holds the epoch second of an item's expiry; absent while time to live is disabled. */
  timeToLiveAttribute?: string;
  pointInTimeRecovery: boolean;
  tags: Record<string, string>;
}

/** The body of a request, before it was validated. */
export type Input = Record<string, unknown>;
