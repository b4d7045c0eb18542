import type { Faults } from "../faults.ts";
import type { Probes } from "../witness/probes.ts";
import type { EventLog } from "./event-log.ts";
import type { Prng } from "./prng.ts";
import type { Sandbox } from "./sandbox.ts";
import type { Timeline } from "./timeline.ts";

/** What everything in one simulated world shares. */
export interface World {
  readonly timeline: Timeline;
  readonly prng: Prng;
  readonly faults: Faults;
  readonly log: EventLog;
  readonly probes: Probes;
  /** Requests that reached a service. */
  calls: number;
  /** What the models of the services were asked and do not know: a run that has any proves nothing. */
  readonly notModelled: string[];
  /** Whose request is being executed; undefined while the world outside acts. */
  acting: Sandbox | undefined;
}
