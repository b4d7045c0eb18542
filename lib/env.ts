import * as z from "zod/mini";
import "./schema-messages.ts";

/**
 * The environment of a function: names that both realisers of a plan set, and that the functions read once, when they
 * are loaded.
 */
const Common = z.object({
  /** Path of the plan, as JSON. */
  MILLRACE_PLAN: z.string().check(z.minLength(1)),
  /** What comes before a queue's name in its URL; ends in `/`. */
  MILLRACE_QUEUE_BASE: z.url(),
  MILLRACE_BUCKET: z.string().check(z.minLength(1)),
});

export const StageEnv = z.extend(Common, {
  MILLRACE_PIPELINE: z.string().check(z.minLength(1)),
  MILLRACE_STAGE: z.string().check(z.minLength(1)),
  /** The folder that a definition's paths are relative to. */
  MILLRACE_DIRECTORY: z.string().check(z.minLength(1)),
  /** A folder with a JSON file for each secret; without it, Secrets Manager has them. */
  MILLRACE_SECRETS: z.optional(z.string().check(z.minLength(1))),
  /** What comes before a secret's name in Secrets Manager; ends in `/`. */
  MILLRACE_SECRET_PREFIX: z._default(z.string(), ""),
});

export const IngestEnv = z.extend(Common, { MILLRACE_PIPELINE: z.string().check(z.minLength(1)) });

/** Functions that deal with jobs which outlast an invocation. */
export const ArchiveEnv = z.extend(Common, {
  /** Where changes of state are announced; absent: the account's default bus. */
  MILLRACE_EVENT_BUS: z.optional(z.string().check(z.minLength(1))),
});

const Lasting = z.extend(ArchiveEnv, {
  /** A folder with the secrets that callback keys are derived from; without it, Secrets Manager has them. */
  MILLRACE_KEYS: z.optional(z.string().check(z.minLength(1))),
  /** What comes before a secret's name in Secrets Manager; ends in `/`. */
  MILLRACE_SECRET_PREFIX: z._default(z.string(), ""),
});

export const DispatchEnv = z.extend(Lasting, {
  MILLRACE_PIPELINE: z.string().check(z.minLength(1)),
  MILLRACE_STAGE: z.string().check(z.minLength(1)),
});

/** Functions that have a way to the cluster, beside what `lib/cluster/access.k8s.ts` reads. */
const InCluster = z.extend(Lasting, {
  MILLRACE_NAMESPACE: z.string().check(z.minLength(1)),
  /** The image with `functions/agent` in it. */
  MILLRACE_AGENT_IMAGE: z.string().check(z.minLength(1)),
  /** Where pods reach the API. */
  MILLRACE_API_URL: z.url(),
  /** Active Jobs at once, of all stages. */
  MILLRACE_CLUSTER_JOBS: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(5000)), 500),
});

export const ImageEnv = z.extend(InCluster, {
  MILLRACE_PIPELINE: z.string().check(z.minLength(1)),
  MILLRACE_STAGE: z.string().check(z.minLength(1)),
});

export const SweepEnv = InCluster;

export const CallbackEnv = Lasting;

export const ApiEnv = Lasting;

/** @throws Error naming every variable that is missing or wrong */
export function readEnv<Env extends z.ZodMiniType>(
  schema: Env,
  env: NodeJS.ProcessEnv = process.env,
): z.infer<Env> {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  throw new Error(`the function's environment is not complete:\n${z.prettifyError(result.error)}`);
}
