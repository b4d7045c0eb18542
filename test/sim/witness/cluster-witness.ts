import { runsIn } from "../../../lib/cluster/carrier.ts";
import { STAGE_JOBS } from "../../../lib/cluster/clear-up.ts";
import { JOBS_NOTE, LABELS } from "../../../lib/cluster/manifest.ts";
import { isLasting } from "../../../lib/job/lasting.ts";
import { stageOf } from "../../../lib/plan/find.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import type { ClusterObserver, JobModel } from "../services/cluster.ts";
import { short, type Truth } from "./truth.ts";

/** Sees the Jobs that are made in the cluster. */
export const clusterWitness = (truth: Truth): ClusterObserver => ({
  made(made, others) {
    const { [LABELS.job]: id = "", [LABELS.attempt]: attempt, [LABELS.stage]: stage = "" } = labelsOf(made);
    const { row } = truth.job(id);
    const together = jobsIn(made);
    if (together.length > 1) for (const each of together) truth.job(each).hadCompany = true;
    const what = `a Job of attempt ${attempt} of job ${short(id)}`;
    if (!row) truth.violate(`${what} was made before its row`);
    if (Number(attempt) > (row?.begun ?? 0)) truth.violate(`${what} was made before the attempt began`);
    const isTwin = (other: JobModel): boolean =>
      labelsOf(other)[LABELS.job] === id && labelsOf(other)[LABELS.attempt] === attempt;
    if (others.some((other) => other !== made && isActive(other) && isTwin(other)))
      truth.violate(`${what} was made beside another`);
    // A Job that is made too late, of an attempt that is over, takes no place and comes to nothing.
    const isCurrent = (other: JobModel): boolean =>
      jobsIn(other).some((each) => {
        const { row: its } = truth.job(each);
        const isOver = its?.committed !== undefined || its?.reason !== undefined;
        const { carrier = each } = its?.begun === 1 ? its : {};
        const isElsewhere = carrier !== labelsOf(other)[LABELS.job];
        return !isOver && !isElsewhere && its?.begun === Number(labelsOf(other)[LABELS.attempt]);
      });
    const active = others.filter(
      (other) => isActive(other) && isCurrent(other) && labelsOf(other)[LABELS.stage] === stage,
    );
    const { concurrency = STAGE_JOBS } = stageOf(PIPELINE, stage);
    if (active.length > concurrency) truth.violate(`${active.length} Jobs of ${stage} are active at once`);
  },
  deleted(deleted) {
    const { name } = deleted.manifest.metadata;
    for (const id of jobsIn(deleted)) {
      const { row } = truth.job(id);
      if (row && isLasting(row) && runsIn(row, name))
        truth.violate(`the Job ${name} was deleted under job ${short(id)}, which may still finish in it`);
    }
  },
});

const jobsIn = ({ manifest }: JobModel): string[] => manifest.metadata.annotations[JOBS_NOTE].split(" ");

const labelsOf = ({ manifest }: JobModel) => manifest.metadata.labels;

const isActive = ({ deletingAt, conditions }: JobModel): boolean =>
  deletingAt === undefined && conditions.length === 0;
