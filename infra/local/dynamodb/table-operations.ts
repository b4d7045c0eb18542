import type { Clock } from "../../../lib/clock.ts";
import type { Catalog } from "./catalog.ts";
import type { ItemStore } from "./item-store.ts";
import type { Input, TableRecord } from "./model.ts";
import type { Operation } from "./operation.ts";
import { serviceError, validationError } from "./service-error.ts";
import { describeTable, inProgress, type TableDefinition } from "./table-description.ts";
import { validated, validations } from "./validation.ts";

const protectionError = () =>
  validationError(
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
  );

interface Tag {
  Key: string;
  Value: string;
}

/** Said instead of a table without the stream, on which a consumer would wait for ever. */
function refuseStream(input: Input): void {
  const stream = input["StreamSpecification"] as { StreamEnabled?: boolean } | undefined;
  if (stream?.StreamEnabled) throw validationError("The local DynamoDB service has no streams");
}

/**
 * The operations on whole tables. They are done when they are answered: a table is CREATING in the answer of
 * CreateTable alone, and no restart finds one half made.
 */
export function tableOperations(catalog: Catalog, items: ItemStore, clock: Clock): Record<string, Operation> {
  return {
    CreateTable(input) {
      refuseStream(input);
      const tags = (input["Tags"] as Tag[] | undefined) ?? [];
      const definition = validated(input, validations.CreateTable) as unknown as TableDefinition;
      if (catalog.find(definition.TableName)) {
        throw serviceError("ResourceInUseException", `Table already exists: ${definition.TableName}`);
      }
      const record: TableRecord = {
        description: {
          ...describeTable(definition, clock.now()),
          DeletionProtectionEnabled: input["DeletionProtectionEnabled"] === true,
        },
        pointInTimeRecovery: false,
        tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])),
      };
      catalog.save(record);
      return { TableDescription: inProgress(record.description, "CREATING") };
    },

    DescribeTable(input) {
      const { TableName } = validated(input, validations.DescribeTable) as { TableName: string };
      return { Table: catalog.get(TableName).description };
    },

    DeleteTable(input) {
      const { TableName } = validated(input, validations.DeleteTable) as { TableName: string };
      const { description } = catalog.get(TableName);
      if (description.DeletionProtectionEnabled) throw protectionError();
      items.removeTable(TableName);
      catalog.remove(TableName);
      return { TableDescription: inProgress(description, "DELETING") };
    },

    ListTables(input) {
      const { ExclusiveStartTableName: after = "", Limit: limit = 100 } = validated(
        input,
        validations.ListTables,
      ) as { ExclusiveStartTableName?: string; Limit?: number };
      const rest = catalog.names().filter((name) => name > after);
      const TableNames = rest.slice(0, limit);
      const more = rest.length > limit;
      return { TableNames, ...(more && { LastEvaluatedTableName: TableNames.at(-1) }) };
    },
  };
}
