import type { SourceChange } from "./changed-source.ts";
import { CLUSTER_MUTANTS } from "./cluster-mutants.ts";
import { LASTING_MUTANTS } from "./lasting-mutants.ts";
import { LIGHT_MUTANTS } from "./light-mutants.ts";

/** A planted bug. The simulation is worth what it finds of them. */
export interface Mutant extends SourceChange {
  readonly name: string;
  readonly what: string;
}

export const MUTANTS: readonly Mutant[] = [...LIGHT_MUTANTS, ...LASTING_MUTANTS, ...CLUSTER_MUTANTS];
