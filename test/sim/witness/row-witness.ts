import { isLasting, type LastingJob } from "../../../lib/job/lasting.ts";
import type { Commit, JobRecord } from "../../../lib/job/record.ts";
import { recordOf } from "../../../lib/job/store.aws.ts";
import type { Reason } from "../../../lib/stage/failure.ts";
import type { BucketModel } from "../services/bucket.ts";
import type { Item } from "../services/expressions.ts";
import type { TableObserver, Write } from "../services/table.ts";
import type { World } from "../world/world.ts";
import { takeCommit } from "./commits.ts";
import type { CrashCharges } from "./crash-charges.ts";
import { type CrashPoints, intentOf } from "./crash-points.ts";
import type { Custody } from "./custody.ts";
import { PROBES, type Probe } from "./probes.ts";
import { isFailure, newEntries, ROW_RULES } from "./row-rules.ts";
import { type JobTruth, short, type Truth } from "./truth.ts";

const LONGEST_CLAIM_MS = 12 * 3_600_000;

const reasonIn = (data: unknown): unknown => (data as { reason?: unknown } | null | undefined)?.reason;

/** Told of every attempt of a lasting job that begins. */
export interface AttemptListener {
  began(row: JobRecord): void;
}

/** Sees every write of the job table, and every write that was refused. */
export class RowWitness implements TableObserver {
  readonly #world: World;
  readonly #truth: Truth;
  readonly #crashPoints: CrashPoints;
  readonly #charges: CrashCharges;
  readonly #bucket: BucketModel;
  readonly #custody: Custody;
  readonly #attempts: AttemptListener;

  constructor(
    world: World,
    truth: Truth,
    crashPoints: CrashPoints,
    charges: CrashCharges,
    bucket: BucketModel,
    custody: Custody,
    attempts: AttemptListener,
  ) {
    this.#attempts = attempts;
    this.#world = world;
    this.#truth = truth;
    this.#crashPoints = crashPoints;
    this.#charges = charges;
    this.#bucket = bucket;
    this.#custody = custody;
  }

  written(before: Item | undefined, item: Item): void {
    const kind = String(item["pk"]).charAt(0);
    if (kind === "R") this.#truth.arrivals.add(String(item["sk"]));
    // What belongs to a job besides its row has no rules of its own.
    if (kind !== "J") return;
    const after = recordOf(item);
    const job = this.#truth.job(after.id);
    const change = { before: before && recordOf(before), after, job };
    for (const { says, holds } of ROW_RULES)
      if (!holds(change, this.#truth))
        this.#truth.violate(`job ${short(after.id)} (${after.stage}): not so: ${says}`);
    job.row = after;
    if (!change.before?.committed && after.committed) this.#committed(after, after.committed, job);
    if (isFailure(change.before, after) && after.reason) this.#failedForGood(after.reason, job);
    this.#handledByHand(change.before, after, job);
    this.#begunOrCharged(change.before, after);
    const isTakenBack = change.before?.begun !== undefined && after.begun === undefined;
    this.#world.probes.reachIf(isTakenBack, "beginning-taken-back");
    this.#custody.check(after.id);
    if (isLasting(after)) this.#lasting(change.before, after);
  }

  /** An attempt was begun alone, or one that had been is said to have died. */
  #begunOrCharged(before: JobRecord | undefined, after: JobRecord): void {
    const { id, stage, begun = 0, begunAt = "" } = after;
    const { acting } = this.#world;
    if (!acting) return;
    for (const { data, attempt = 0 } of newEntries(before, after))
      if (String(data).startsWith("crash:") && !this.#charges.isJust(acting, id, attempt))
        this.#truth.violate(
          `job ${short(id)} (${stage}): attempt ${attempt} is said to have died, and did not`,
        );
    if (begun > (before?.begun ?? 0)) this.#charges.begun(acting, id, begun, begunAt);
  }

  #committed(row: JobRecord, commit: Commit, job: JobTruth): void {
    const { probes } = this.#world;
    job.children = takeCommit(row, commit, this.#bucket, this.#truth);
    this.#truth.hops += 1;
    probes.reachIf(commit.manifest !== undefined, "spilled-manifest");
    probes.reachIf(commit.tokens > 10, "several-batches");
    probes.reachIf(job.openings > 0, "reopened-finished");
    probes.reachIf(job.wasRedriven, "redriven-finished");
    probes.reachIf(job.wasKilledByNeighbour, "neighbour-finished");
  }

  #failedForGood(reason: Reason, job: JobTruth): void {
    const probe = `reason-${reason}`;
    if (probe in PROBES) this.#world.probes.reach(probe as Probe);
    this.#world.probes.reachIf(job.openings > 0, "reopened-failed-again");
  }

  #lasting(before: JobRecord | undefined, after: LastingJob): void {
    this.#truth.job(after.id).entries.push(...newEntries(before, after));
    this.#world.probes.reachIf(after.moved > 0, "history-moved");
    if (before) this.#checkLoss(before, after);
    if (before?.begun !== after.begun) this.#attempts.began(after);
    const { acting } = this.#world;
    if (before?.committed === undefined && after.committed) {
      const { probes } = this.#world;
      probes.reach("lasting-finished");
      probes.reachIf((after.durationMs ?? 0) > LONGEST_CLAIM_MS, "long-job");
      probes.reachIf(after.stage === "render" && after.begun > 1, "job-replaced");
      if (acting) this.#crashPoints.committed(acting, after.id);
    }
    if (acting && !before) this.#crashPoints.created(acting, after.id);
  }

  /** The manifest is there before a pod ends: whoever sees its end and no manifest has not looked. */
  #checkLoss(before: JobRecord, after: LastingJob): void {
    const { path = "" } = before;
    const isMissed = newEntries(before, after).some(({ data }) => reasonIn(data) === "output-missing");
    if (isMissed && this.#bucket.keysBelow(`${path.slice(1)}/_manifest.json`).length > 0)
      this.#truth.violate(`what an attempt of job ${short(after.id)} has put out is said not to be there`);
  }

  /** Retries and skips: what people do to a job in the error bucket. */
  #handledByHand(before: JobRecord | undefined, after: JobRecord, job: JobTruth): void {
    const { acting, probes, timeline } = this.#world;
    if (before?.state === "FAILED" && after.state === "CREATED") {
      job.openings += 1;
      job.openedBy = acting?.name;
      job.attemptAtOpening = before.attempt;
      job.settledUntil = timeline.now();
      if (acting) this.#crashPoints.retried(acting, after.id, "opened");
    } else if (after.state === "RETIRED") probes.reach("retired");
    else if (before?.dead !== undefined && after.dead === undefined && acting)
      this.#crashPoints.retried(acting, after.id, "left");
  }

  refused(write: Write, existing: Item | undefined): void {
    if (!existing) return;
    const { probes } = this.#world;
    const { committed, reason, attempt, begunBy } = existing as Partial<JobRecord>;
    const isOpen = committed === undefined && reason === undefined;
    if (write.values[":seen"] !== undefined) {
      probes.reach("lasting-overtaken");
      return;
    }
    const intent = intentOf(write);
    if (intent === "commit") this.#commitRefused(write, committed);
    probes.reachIf(intent === "commit" && reason !== undefined, "commit-refused-in-bucket");
    const isOwnBeginning = begunBy === write.values[":begunBy"];
    probes.reachIf(
      intent === "begin" && isOpen,
      isOwnBeginning ? "own-beginning-recognised" : "beginning-refused",
    );
    probes.reachIf(intent === "reopen", "retry-refused");
    probes.reachIf(intent === "leave", "leave-refused");
    if (intent !== "park" && intent !== "retry") return;
    const isOwn = reason !== undefined && attempt === write.values[":attempt"];
    probes.reachIf(isOwn, "own-failure-recognised");
    probes.reachIf(committed !== undefined, "failure-refused-finished");
    probes.reachIf(isOpen, "stale-attempt-refused");
  }

  #commitRefused({ key, values }: Write, committed: Commit | undefined): void {
    const { acting, probes } = this.#world;
    const isOwn = committed?.attempt === (values[":committed"] as Commit).attempt;
    probes.reachIf(isOwn, "L3-own-commit");
    if (committed && !isOwn && acting) this.#truth.losers.add(`${acting.name} ${key.sk}`);
  }
}
