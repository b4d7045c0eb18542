import type { Swept } from "../../../lib/cluster/sweep.ts";
import type { Services } from "../services/services.ts";
import type { LambdaFunction } from "../world/lambda.ts";
import type { World } from "../world/world.ts";

const MINUTE = 60_000;
/** While things go wrong, as often as a deployment does it; then, for jobs of many hours, less often. */
const PERIOD_MS = MINUTE;
const HEALED_PERIOD_MS = 60 * MINUTE;

/** The schedule of the sweep. It pauses while there is nothing in the cluster, so that a world can come to rest. */
export function sweepNowAndThen(
  target: LambdaFunction<"tick", Swept>,
  { cluster, slots }: Services,
  { timeline, faults }: World,
): void {
  let isArmed = false;
  const arm = (): void => {
    if (isArmed) return;
    isArmed = true;
    timeline.after(faults.isHealed ? HEALED_PERIOD_MS : PERIOD_MS, () => {
      isArmed = false;
      target.invoke("tick", () => {
        if (cluster.jobs.length > 0 || !slots.isEmpty) arm();
      });
    });
  };
  cluster.onMade = arm;
  slots.onTaken = arm;
}
