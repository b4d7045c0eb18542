import { isDeepStrictEqual } from "node:util";
import { isLasting } from "../../../lib/job/lasting.ts";
import { lastingStore } from "../../../lib/job/lasting-store.aws.ts";
import type { Services } from "../services/services.ts";
import { TABLE, tableClient } from "../services/table-client.ts";
import { Sandbox } from "../world/sandbox.ts";
import type { World } from "../world/world.ts";
import { inWorld } from "./board-check.ts";
import { short, type Truth } from "./truth.ts";

const MOST_ENTRIES = 1000;

/** The history of a lasting job is all that was ever added to it, in that order, and each report once. */
export async function checkHistories(world: World, { table }: Services, truth: Truth): Promise<void> {
  const client = tableClient(table, new Sandbox("reader", world.timeline), world);
  const store = lastingStore(client, TABLE, () => world.prng.uuid());
  for (const [id, { row, entries }] of truth.jobs) {
    if (!row || !isLasting(row)) continue;
    const read = await inWorld(world, () => store.history(row, 0, MOST_ENTRIES));
    if (!isDeepStrictEqual(read, entries))
      truth.violate(`the history of job ${short(id)} reads ${told(read)}; true is ${told(entries)}`);
    const reports = entries.flatMap(({ eventId }) => eventId ?? []);
    if (new Set(reports).size < reports.length)
      truth.violate(`a report was taken twice by job ${short(id)}: ${told(entries)}`);
  }
}

const told = (entries: readonly { readonly event: string; readonly eventId?: string }[]): string =>
  entries.map(({ event, eventId = "" }) => `${event} ${eventId}`).join(", ");
