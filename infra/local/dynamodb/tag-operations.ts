import type { Catalog } from "./catalog.ts";
import type { TableRecord } from "./model.ts";
import type { Operation } from "./operation.ts";
import { validated, validations } from "./validation.ts";

/** The three operations on a table's tags; the resource is the table's ARN. */
export function tagOperations(catalog: Catalog): Record<string, Operation> {
  const recordOf = (arn: string): TableRecord => catalog.get(arn.slice(arn.lastIndexOf("/") + 1));
  return {
    TagResource(input) {
      const { ResourceArn, Tags } = validated(input, validations.TagResource) as {
        ResourceArn: string;
        Tags: { Key: string; Value: string }[];
      };
      const record = recordOf(ResourceArn);
      const added = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
      catalog.save({ ...record, tags: { ...record.tags, ...added } });
      return {};
    },

    UntagResource(input) {
      const { ResourceArn, TagKeys } = validated(input, validations.UntagResource) as {
        ResourceArn: string;
        TagKeys: string[];
      };
      const record = recordOf(ResourceArn);
      const kept = Object.entries(record.tags).filter(([key]) => !TagKeys.includes(key));
      catalog.save({ ...record, tags: Object.fromEntries(kept) });
      return {};
    },

    ListTagsOfResource(input) {
      const { ResourceArn } = validated(input, validations.ListTagsOfResource) as { ResourceArn: string };
      const { tags } = recordOf(ResourceArn);
      return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}
