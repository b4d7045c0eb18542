import batchGetItem from "dynalite/validations/batchGetItem.js";
import batchWriteItem from "dynalite/validations/batchWriteItem.js";
import createTable from "dynalite/validations/createTable.js";
import deleteItem from "dynalite/validations/deleteItem.js";
import deleteTable from "dynalite/validations/deleteTable.js";
import describeTable from "dynalite/validations/describeTable.js";
import getItem from "dynalite/validations/getItem.js";
import dynalite from "dynalite/validations/index.js";
import listTables from "dynalite/validations/listTables.js";
import listTagsOfResource from "dynalite/validations/listTagsOfResource.js";
import putItem from "dynalite/validations/putItem.js";
import query from "dynalite/validations/query.js";
import scan from "dynalite/validations/scan.js";
import tagResource from "dynalite/validations/tagResource.js";
import untagResource from "dynalite/validations/untagResource.js";
import updateItem from "dynalite/validations/updateItem.js";
import updateTable from "dynalite/validations/updateTable.js";
import { maxItemBytes } from "./item-size.ts";
import type { Input } from "./model.ts";

/** dynalite's language for the shape of a request: a type name, or a type with constraints and members. */
export type Type =
  | string
  | {
      type: string;
      notNull?: boolean;
      required?: boolean;
      tableName?: boolean;
      enum?: string[];
      regex?: string;
      lengthGreaterThanOrEqual?: number;
      lengthLessThanOrEqual?: number;
      greaterThanOrEqual?: number;
      lessThanOrEqual?: number;
      children?: Type | Types;
    };

export interface Types {
  [member: string]: Type;
}

/** What no shape can say. The answer is a message, if something is wrong. */
export type CustomCheck = (input: Input, store: object) => string | undefined;

export interface Validation {
  types: Types;
  custom?: CustomCheck;
}

/** The name of a table, as the newer operations check it. */
export const tableNameType: Type = {
  type: "String",
  notNull: true,
  regex: "[a-zA-Z0-9_.-]+",
  lengthGreaterThanOrEqual: 3,
  lengthLessThanOrEqual: 255,
};

/** dynalite 4.0.0 predates this member of the three writes (2023) and would drop it without a word. */
export const valuesOnConditionCheckFailure: Types = {
  ReturnValuesOnConditionCheckFailure: { type: "String", enum: ["ALL_OLD", "NONE"] },
};

const withFailureValues = ({ types, custom }: Validation): Validation => ({
  types: { ...types, ...valuesOnConditionCheckFailure },
  ...(custom && { custom }),
});

export const validations = {
  BatchGetItem: batchGetItem,
  BatchWriteItem: batchWriteItem,
  CreateTable: createTable,
  DeleteItem: withFailureValues(deleteItem),
  DeleteTable: deleteTable,
  DescribeTable: describeTable,
  GetItem: getItem,
  ListTables: listTables,
  ListTagsOfResource: listTagsOfResource,
  PutItem: withFailureValues(putItem),
  Query: query,
  Scan: scan,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateItem: withFailureValues(updateItem),
  UpdateTable: updateTable,
} satisfies Record<string, Validation>;

/** What the custom checks look up in dynalite's store. */
const limits = { options: { maxItemSize: maxItemBytes }, tableDb: { awsAccountId: "000000000000" } };

/**
 * The request without the members that its operation does not know, and with its expressions parsed.
 *
 * @throws ServiceError ValidationException, or SerializationException for a member of the wrong JSON type
 */
export function validated(input: Input, validation: Validation): Input {
  const known = dynalite.checkTypes({ ...input }, validation.types);
  dynalite.checkValidations(known, validation.types, validation.custom, limits);
  return known;
}
