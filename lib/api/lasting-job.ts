import { isLasting, type LastingJob } from "../job/lasting.ts";
import { type ApiRequest, notFound, Problem } from "./http.ts";
import { type ApiDependencies, isId } from "./route.ts";

/** @throws Problem 404 when there is none, 409 when it is a light one */
export async function lastingJob(
  { params: { job = "" } }: ApiRequest,
  { plan, jobs }: Pick<ApiDependencies, "plan" | "jobs">,
): Promise<LastingJob> {
  const rows = await Promise.all(plan.pipelines.map(({ id }) => (isId(job) ? jobs.get(id, job) : undefined)));
  const row = rows.find((candidate) => candidate !== undefined);
  if (!row) throw notFound(`there is no job "${job}"`, "list them: GET /v1/pipelines/{pipeline}/jobs");
  if (isLasting(row)) return row;
  throw new Problem(
    409,
    "light-job",
    `the job is one of the light stage "${row.stage}", which does what it does in one go`,
    "retry or skip it when it lies in the error bucket",
  );
}
