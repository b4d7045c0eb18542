import { tally } from "../../../lib/board/tally.ts";
import { jobQueries } from "../../../lib/job/queries.aws.ts";
import type { JobQueries } from "../../../lib/job/queries.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import type { Services } from "../services/services.ts";
import { TABLE, tableClient } from "../services/table-client.ts";
import { Sandbox } from "../world/sandbox.ts";
import type { World } from "../world/world.ts";
import type { Truth } from "./truth.ts";

/** What the board adds up must be what entered and what became of it, and the error bucket must list what lies in it. */
export async function checkBoard(world: World, { table }: Services, truth: Truth): Promise<void> {
  const queries = jobQueries(tableClient(table, new Sandbox("board", world.timeline), world), TABLE);
  const [arrivals, rows, dead] = await inWorld(world, () =>
    Promise.all([queries.arrivals(PIPELINE.id), queries.summaries(PIPELINE.id), deadIn(queries)]),
  );
  const { runs, edges } = tally(
    arrivals.map(({ token }) => token),
    rows,
  );
  const jobs = [...truth.jobs.values()].flatMap(({ row }) => row ?? []);
  const failed = jobs.filter(({ state }) => state === "FAILED");
  const put = truth.arrivals.size + truth.strays.size;
  const inError = new Set(failed.map(({ run }) => run));
  const retired = jobs.filter(({ state, run }) => state === "RETIRED" && !inError.has(run));
  const error = inError.size;
  const skipped = new Set(retired.map(({ run }) => run)).size;
  const said = {
    ...runs,
    jobs: [...edges.values()].reduce((total, each) => total + each.done + each.error + each.skipped, 0),
    dead: idsOf(dead),
  };
  const expected = {
    put,
    outstanding: 0,
    done: put - error - skipped,
    error,
    skipped,
    jobs: jobs.length,
    dead: idsOf(failed),
  };
  for (const [name, value] of Object.entries(expected)) {
    const shown = said[name as keyof typeof said];
    if (shown !== value) truth.violate(`the board says ${name}: ${shown}; true is ${value}`);
  }
}

/** The whole error bucket, page by page. */
async function deadIn(queries: JobQueries): Promise<JobRecord[]> {
  const found: JobRecord[] = [];
  let after: string | undefined;
  do {
    const { rows, next } = await queries.dead(PIPELINE.id, { after, limit: DEAD_PAGE });
    found.push(...rows);
    after = next;
  } while (after !== undefined);
  return found;
}

const DEAD_PAGE = 5;

const idsOf = (rows: readonly { readonly id: string }[]): string =>
  rows
    .map(({ id }) => id)
    .sort()
    .join();

/** Something outside of any function asks the services; it takes virtual time like everything else. */
export async function inWorld<Value>({ timeline }: World, ask: () => Promise<Value>): Promise<Value> {
  const answer = ask();
  await timeline.run({ until: timeline.now() + 3_600_000, events: Number.POSITIVE_INFINITY });
  return answer;
}
