import { isLasting, type LastingJob } from "../job/lasting.ts";
import type { JobRecord } from "../job/record.ts";
import { type ApiRequest, notFound, Problem } from "./http.ts";
import { type ApiDependencies, isId } from "./route.ts";

type Finding = Pick<ApiDependencies, "plan" | "jobs">;

/**
 * The job that a request names; its id does not say of which pipeline it is.
 *
 * @throws Problem 404 when there is none
 */
export async function findJob(
  { params: { job = "" } }: ApiRequest,
  { plan, jobs }: Finding,
): Promise<JobRecord> {
  const rows = await Promise.all(plan.pipelines.map(({ id }) => (isId(job) ? jobs.get(id, job) : undefined)));
  const row = rows.find((candidate) => candidate !== undefined);
  if (row) return row;
  throw notFound(`there is no job "${job}"`, "list them: GET /v1/pipelines/{pipeline}/jobs");
}

/** @throws Problem 404 when there is none, 409 when it is a light one */
export async function findLastingJob(request: ApiRequest, finding: Finding): Promise<LastingJob> {
  const row = await findJob(request, finding);
  if (isLasting(row)) return row;
  throw new Problem(
    409,
    "light-job",
    `the job is one of the light stage "${row.stage}", which does what it does in one go`,
    "retry or skip it when it lies in the error bucket",
  );
}
