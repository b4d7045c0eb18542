import type { Mutant } from "./mutants.ts";

/** Planted bugs of stages that run in a cluster. */
export const CLUSTER_MUTANTS: readonly Mutant[] = [
  {
    name: "random-job-names",
    what: "each dispatch of an attempt makes a Job of its own",
    file: "lib/cluster/manifest.ts",
    find: "name: clusterJobName(job.id, attempt),",
    replace:
      "name: clusterJobName(job.id, attempt + ((globalThis as { made?: number[] }).made ??= []).push(0)),",
  },
  {
    name: "manifest-not-looked-for",
    what: "an attempt whose last word was lost is taken for failed, whatever it has left",
    file: "lib/cluster/judgement.ts",
    find: "if (hasManifest && ENDED.has(verdict.kind)) return finish(row, verdict);",
    replace: "if (hasManifest && now < 0) return finish(row, verdict);",
  },
  {
    name: "running-taken-for-failed",
    what: "an attempt that is running is given up when its message comes back",
    file: "lib/cluster/judgement.ts",
    find: '      if (isOver(row, now))\n        return lost("timeout",',
    replace: '      if (now >= 0)\n        return lost("timeout",',
  },
  {
    name: "no-places",
    what: "more Jobs run at once than the stage allows",
    file: "lib/cluster/slots.ts",
    find: "if (!(await slots.take(pool, clusterJob))) {",
    replace: "if (!(await slots.take(pool, clusterJob)) && pools.length === 0) {",
  },
  {
    name: "shared-pod-charged",
    what: "a token is charged with the end of a pod that it shared",
    file: "lib/job/decide.ts",
    find: "(isShared ? 1 : 0);",
    replace: "0;",
  },
  {
    name: "second-place-not-swept",
    what: "a place that was taken too late is never given back",
    file: "lib/cluster/sweep.ts",
    find: "    await slots.free(pool, name);",
    replace: "",
  },
  {
    name: "neighbours-not-seen",
    what: "the first token of a pod that ends takes the pod away from the others",
    file: "lib/cluster/clear-up.ts",
    find: "    if (other && runsIn(other, name)) return true;",
    replace: "    if (other && runsIn(other, name) && id === name) return true;",
  },
  {
    name: "callback-not-looked-for",
    what: "what a program says that it has put out is not looked at",
    file: "lib/cluster/image-outputs.ts",
    find: 'stage.work.finishedBy === "callback")',
    replace: "stage.work.finishedBy === undefined)",
  },
];
