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
import { isFailure, ROW_RULES } from "./row-rules.ts";
import { type JobTruth, short, type Truth } from "./truth.ts";

/** Sees every write of the job table, and every write that was refused. */
export class RowWitness implements TableObserver {
  readonly #world: World;
  readonly #truth: Truth;
  readonly #crashPoints: CrashPoints;
  readonly #charges: CrashCharges;
  readonly #bucket: BucketModel;
  readonly #custody: Custody;

  constructor(
    world: World,
    truth: Truth,
    crashPoints: CrashPoints,
    charges: CrashCharges,
    bucket: BucketModel,
    custody: Custody,
  ) {
    this.#world = world;
    this.#truth = truth;
    this.#crashPoints = crashPoints;
    this.#charges = charges;
    this.#bucket = bucket;
    this.#custody = custody;
  }

  written(before: Item | undefined, item: Item): void {
    if (String(item["pk"]).startsWith("R#")) {
      this.#truth.arrivals.add(String(item["sk"]));
      return;
    }
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
  }

  /** An attempt was begun alone, or one that had been is said to have died. */
  #begunOrCharged(
    before: JobRecord | undefined,
    { id, stage, begun = 0, begunAt = "", history }: JobRecord,
  ): void {
    const { acting } = this.#world;
    if (!acting) return;
    for (const { data, attempt = 0 } of history.slice(before?.history.length ?? 0))
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
