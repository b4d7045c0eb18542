import type { BucketModel } from "./bucket.ts";
import type { QueueModel } from "./queues.ts";
import type { TableModel } from "./table.ts";

/** The services of one world. A later path adds its own here: a cluster, a scheduler. */
export interface Services {
  readonly queues: QueueModel;
  readonly table: TableModel;
  readonly bucket: BucketModel;
}
