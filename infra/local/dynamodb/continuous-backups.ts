import type { Catalog } from "./catalog.ts";
import type { Operation } from "./operation.ts";
import { type Types, tableNameType, validated } from "./validation.ts";

const updateTypes: Types = {
  TableName: tableNameType,
  PointInTimeRecoverySpecification: {
    type: "FieldStruct<PointInTimeRecoverySpecification>",
    notNull: true,
    children: { PointInTimeRecoveryEnabled: { type: "Boolean", notNull: true } },
  },
};

const describe = (enabled: boolean): object => ({
  ContinuousBackupsDescription: {
    ContinuousBackupsStatus: "ENABLED",
    PointInTimeRecoveryDescription: {
      PointInTimeRecoveryStatus: enabled ? "ENABLED" : "DISABLED",
      ...(enabled && { RecoveryPeriodInDays: 35 }),
    },
  },
});

/** Point-in-time recovery can be switched and is shown, so that provisioning code runs; there is nothing to restore. */
export function continuousBackups(catalog: Catalog): Record<string, Operation> {
  return {
    DescribeContinuousBackups(input) {
      const { TableName } = validated(input, { types: { TableName: tableNameType } }) as {
        TableName: string;
      };
      return describe(catalog.get(TableName).pointInTimeRecovery);
    },

    UpdateContinuousBackups(input) {
      const { TableName, PointInTimeRecoverySpecification: wanted } = validated(input, {
        types: updateTypes,
      }) as { TableName: string; PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: boolean } };
      const enabled = wanted.PointInTimeRecoveryEnabled;
      catalog.save({ ...catalog.get(TableName), pointInTimeRecovery: enabled });
      return describe(enabled);
    },
  };
}
