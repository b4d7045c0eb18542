import { changed, LATE_KEPT, type LastingJob, type LastingStore } from "../../../lib/job/lasting.ts";
import type { HistoryEntry } from "../../../lib/job/record.ts";

/** Lasting jobs in memory. Each call takes a turn of the event loop, so that callers overtake each other. */
export function memoryLastingStore(): LastingStore & { readonly rows: Map<string, LastingJob> } {
  const rows = new Map<string, LastingJob>();
  const histories = new Map<string, HistoryEntry[]>();
  const lateOnes = new Map<string, HistoryEntry[]>();
  let writes = 0;
  const nextBy = (): string => `write-${++writes}`;
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    rows,
    get: async (_pipeline, id) => {
      await turn();
      return rows.get(id);
    },
    create: async (row) => {
      await turn();
      const existing = rows.get(row.id);
      if (existing) return existing;
      rows.set(row.id, { ...row, by: nextBy() });
      histories.set(row.id, [...row.history]);
      return undefined;
    },
    write: async (row, change) => {
      await turn();
      const current = rows.get(row.id);
      if (current?.rev !== row.rev) return { isOurs: false, row: current };
      const next = changed(row, change, nextBy());
      rows.set(row.id, next);
      histories.set(row.id, [...(histories.get(row.id) ?? []), ...change.entries]);
      return { isOurs: true, row: next };
    },
    knows: async ({ id, moved, history }, eventId) => {
      await turn();
      const seen = (histories.get(id) ?? []).slice(0, moved + history.length);
      return seen.some((entry) => entry.eventId === eventId);
    },
    history: async ({ id, moved, history }, from, limit) =>
      (histories.get(id) ?? []).slice(0, moved + history.length).slice(from, from + limit),
    noteLate: async ({ id }, entry) => {
      const known = lateOnes.get(id) ?? [];
      if (known.length < LATE_KEPT && !known.some(({ eventId }) => eventId === entry.eventId))
        lateOnes.set(id, [...known, entry]);
    },
    late: async ({ id }) => lateOnes.get(id) ?? [],
    remove: async ({ id, rev }) => {
      if (rows.get(id)?.rev !== rev) return false;
      return [histories, lateOnes, rows].map((each) => each.delete(id)).at(-1) === true;
    },
  };
}
