import type { ReportWitness } from "../witness/report-witness.ts";
import type { World } from "../world/world.ts";
import type { ApiAnswer, CallApi } from "./traffic.ts";

const MINUTE = 60_000;
const LONGEST_DELAY_MS = 30 * MINUTE;
/** After so many tries a report is given up. */
const TRIES = 5;

export interface Reporting {
  readonly world: World;
  readonly reports: ReportWitness;
  readonly callBack: CallApi;
}

export interface Report {
  readonly event: string;
  readonly data?: unknown;
  readonly eventId?: string;
}

/** Reports on a job until it is answered; undefined when it was not. */
export async function report(
  job: string,
  key: string,
  said: Report,
  { world, reports, callBack }: Reporting,
): Promise<ApiAnswer | undefined> {
  const { prng, faults, timeline } = world;
  const deliver = async (): Promise<ApiAnswer> => {
    const answer = await callBack({
      method: "POST",
      path: "/v1/jobs/{job}/events",
      params: { job },
      headers: { authorization: `Bearer ${key}` },
      body: said,
    });
    reports.answered(job, key, said.event, answer);
    return answer;
  };
  const deliverLater = (): void => {
    timeline.after(prng.below(LONGEST_DELAY_MS), () => void deliver());
  };
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (faults.strikes("report-duplicated")) deliverLater();
    if (faults.strikes("report-late")) deliverLater();
    else if (!faults.strikes("report-lost")) {
      const answer = await deliver();
      if (answer.status < 500) return answer;
    }
    await pause(world, prng.below(MINUTE));
  }
  return undefined;
}

export const pause = ({ timeline }: World, ms: number): Promise<void> =>
  new Promise((resolve) => {
    timeline.after(ms, resolve);
  });
