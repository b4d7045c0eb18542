import type { BucketModel } from "./bucket.ts";
import type { ClusterModel } from "./cluster.ts";
import type { QueueModel } from "./queues.ts";
import type { SlotModel } from "./slots.ts";
import type { TableModel } from "./table.ts";

/** The services of one world. A later path adds its own here. */
export interface Services {
  readonly queues: QueueModel;
  readonly table: TableModel;
  readonly bucket: BucketModel;
  readonly cluster: ClusterModel;
  readonly slots: SlotModel;
}
