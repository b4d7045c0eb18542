import type { HistoryEntry, JobRecord } from "../../../lib/job/record.ts";
import { edgeOf } from "../../../lib/plan/find.ts";
import { jobId } from "../../../lib/token/ids.ts";
import { PIPELINE } from "../scenario/pipeline.ts";

/**
 * What is true of a world, as one who sees every service can tell, kept apart from what the product believes. Checks
 * compare the two.
 */
export interface TokenTruth {
  readonly id: string;
  readonly edge: string;
  readonly run: string;
  /** The job that put it out; undefined for what entered. */
  readonly parent: string | undefined;
  /** Its output's place in the parent's list. */
  readonly place: number;
  /** As its message must say; undefined for what entered. */
  readonly payload: unknown;
  /** A queue has had its message. */
  isSent: boolean;
  /** When a queue took its message last. */
  sentAt: number;
}

export interface JobTruth {
  row: JobRecord | undefined;
  /** What its commit says that it puts out. */
  children: readonly TokenTruth[] | undefined;
  /** Until when nothing was left to do for whoever held its message; in the past for one that never was. */
  settledUntil: number;
  /** Of a lasting job: all that was ever added to its history. */
  readonly entries: HistoryEntry[];
  openings: number;
  /** The sandbox that took it out of the error bucket last. */
  openedBy: string | undefined;
  /** On record when it was last taken out of the error bucket. */
  attemptAtOpening: number;
  /** A dead-letter queue has delivered its message. */
  wasRedriven: boolean;
  /** Runs of user code. */
  runs: number;
  /** Functions that died while they held its message. */
  deaths: number;
  /** A neighbour's poison killed the function that held it. */
  wasKilledByNeighbour: boolean;
  /** Its first attempt had a pod together with others. */
  hadCompany: boolean;
}

export class Truth {
  readonly violations: string[] = [];
  readonly tokens = new Map<string, TokenTruth>();
  readonly jobs = new Map<string, JobTruth>();
  /** Tokens of which the table says that they entered. */
  readonly arrivals = new Set<string>();
  /** Tokens that a caller was promised. */
  readonly promised = new Set<string>();
  /** Bodies of messages that are no tokens, by the job that stands for them. */
  readonly strays = new Map<string, string>();
  /** ETags of objects that a commit refers to, by key. */
  readonly referenced = new Map<string, string>();
  /** Attempts that lost against another's commit: sandbox and job. */
  readonly losers = new Set<string>();
  /** Commits. */
  hops = 0;
  readonly #tell: (what: string) => void;

  /** @param tell is told of each violation as it happens */
  constructor(tell: (what: string) => void) {
    this.#tell = tell;
  }

  violate(what: string): void {
    this.violations.push(what);
    this.#tell(what);
  }

  job(id: string): JobTruth {
    const existing = this.jobs.get(id);
    if (existing) return existing;
    const made: JobTruth = {
      row: undefined,
      children: undefined,
      settledUntil: -1,
      entries: [],
      openings: 0,
      openedBy: undefined,
      attemptAtOpening: 0,
      wasRedriven: false,
      runs: 0,
      deaths: 0,
      wasKilledByNeighbour: false,
      hadCompany: false,
    };
    this.jobs.set(id, made);
    return made;
  }

  expect(token: Omit<TokenTruth, "isSent" | "sentAt">): TokenTruth {
    const existing = this.tokens.get(token.id);
    if (existing) return existing;
    const made = { ...token, isSent: false, sentAt: -1 };
    this.tokens.set(token.id, made);
    return made;
  }
}

/** True when whoever holds the job's message may let it go. */
export const isSettled = ({ row, children }: JobTruth): boolean =>
  row?.reason !== undefined || (children?.every(({ isSent }) => isSent) ?? false);

/** The one job that works on a token: an edge leads to one stage. */
export const jobIdOf = ({ id, edge }: Pick<TokenTruth, "id" | "edge">): string =>
  jobId(PIPELINE.id, edgeOf(PIPELINE, edge).to, id);

/** For messages to people. */
export const short = (id: string): string => id.slice(0, 8);
