import type { Clock } from "../clock.ts";
import { isForged, isGranted, type KeyClaims, type KeyRing, readKey } from "../job/callback-key.ts";
import type { LastingJob, LastingStore } from "../job/lasting.ts";
import { credentialsOf } from "./callback-form.ts";
import { type ApiRequest, Problem } from "./http.ts";

export interface Authenticating {
  readonly ring: KeyRing;
  readonly clock: Clock;
  readonly jobs: Pick<LastingStore, "get">;
}

/**
 * One answer for whatever does not show a good key: no key, a forged, an old, a revoked or another job's, one that is not for
 * this event, or a job that there is not. Who has no key learns nothing.
 */
export const forbidden = (): Problem =>
  new Problem(403, "forbidden", "there is no such job, or the key is not good for this");

/** A key that is neither old nor forged; whether its job has another by now is yet to be seen. */
export interface ShownKey {
  readonly claims: KeyClaims;
  readonly text: string;
  readonly nonce: string | undefined;
}

/** @throws Problem 403 for what can be refused without reading a row */
export function shownKey(
  request: ApiRequest,
  { ring, clock }: Pick<Authenticating, "ring" | "clock">,
): ShownKey {
  const { key: text = "", job, nonce } = credentialsOf(request);
  const claims = readKey(text);
  if (!claims || isForged(text, claims, ring, clock.now())) throw forbidden();
  if (job !== undefined && job !== claims.job) throw forbidden();
  return { claims, text, nonce };
}

/** The job that a key is good for. @throws Problem 403 */
export async function jobOf(
  { claims, text, nonce }: ShownKey,
  { jobs }: Pick<Authenticating, "jobs">,
): Promise<LastingJob> {
  const row = await jobs.get(claims.pipeline, claims.job);
  if (!row?.key || !isGranted(text, claims, row.key, nonce)) throw forbidden();
  return row;
}
