import { createHash } from "node:crypto";
import { MillraceError } from "../errors.ts";
import { ARCHIVE_PREFIX, OUTPUT_PREFIX } from "../plan/names.ts";
import { belongingId, pipelineUuid } from "../token/ids.ts";
import { canonicalJson, type Json } from "../token/json.ts";

/**
 * Where a job's outputs are archived. A path is made once, from the job's final parameters, and kept on its record: what
 * is asked for later is never computed again.
 *
 * v2: `/products/v2/<pipeline>/<what it belongs to>/<parameters>[/<instance>]`, each a hash but the last;
 * v1: `/products/v1/<id of each that it belongs to>/…/<pipeline>/<instance>`.
 * Both layouts are those of SD2E's PipelineJobs (github.com/SD2E/python-datacatalog, branches 2_2 and 1_0_0), the ids in
 * them are our own.
 */
export const LAYOUTS = ["v2", "v1"] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface Archived {
  readonly layout: Layout;
  /** Which pipeline, of which components: another version of it archives elsewhere. */
  readonly pipeline: { readonly id: string; readonly version: string };
  /** What the job is about, from the whole to the part: a laboratory, an experiment, a sample. Layout v1 needs one. */
  readonly belongsTo: readonly string[];
  readonly parameters: Json;
  /** Of `instanceName`. Without one, jobs of equal parameters share a path; layout v1 needs it. */
  readonly instance?: string;
}

/** Hexadecimal digits of a hash in a path: 128 bit. */
const HASH_LENGTH = 32;
const hashOf = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, HASH_LENGTH);

/**
 * The path as people see it: begins with `/`, and does not end with it.
 *
 * @throws MillraceError `no-archive-path` when the layout needs more than was given
 */
export function archivePath({ layout, pipeline, belongsTo, parameters, instance }: Archived): string {
  const uuid = pipelineUuid(pipeline.id, pipeline.version);
  const steps =
    layout === "v1"
      ? [...belongsTo.map(belongingId), uuid]
      : [uuid.replaceAll("-", ""), hashOf(canonicalJson([...belongsTo])), hashOf(canonicalJson(parameters))];
  const path = `/${ARCHIVE_PREFIX}${[layout, ...steps, ...(instance === undefined ? [] : [instance])].join("/")}`;
  archivePrefix(path);
  return path;
}

/** Everything below one job, and nothing else: all of a layout's steps, and none that a file system reads in its own way. */
const UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const INSTANCE = "/[A-Za-z0-9][A-Za-z0-9._-]*";
const PATH = new RegExp(
  `^/${ARCHIVE_PREFIX}(v2(/[0-9a-f]{${HASH_LENGTH}}){3}(${INSTANCE})?|v1(/${UUID}){2,}${INSTANCE})$`,
);

/** Of an attempt at a stage, where nothing is ever wiped: what was passed on is read by others. */
const ATTEMPT = new RegExp(`^/${OUTPUT_PREFIX}([^/]+/){3}[^/]+$`);

/** The keys below the path of any job: what is listed and indexed. @throws MillraceError like {@link archivePrefix} */
export const listedPrefix = (path: string): string =>
  ATTEMPT.test(path) ? `${path.slice(1)}/` : archivePrefix(path);

/**
 * The keys below an archive path: what may be wiped.
 *
 * @returns ends in `/`, so that one job's keys are never the beginning of another's
 * @throws MillraceError `no-archive-path` for whatever {@link archivePath} cannot have made, so that a damaged record
 *   cannot have another job's objects, or the whole bucket, wiped
 */
export function archivePrefix(path: string): string {
  if (PATH.test(path)) return `${path.slice(1)}/`;
  throw new MillraceError("no-archive-path", `"${path}" is not the archive path of a job`, {
    hint: `such a path lies below /${ARCHIVE_PREFIX}`,
  });
}
