import { createHash } from "node:crypto";
import { v5 } from "uuid";

/**
 * Ids are a function of what they name (RFC 9562, version 5): doing the work again gives the same ids, and a duplicate
 * is recognised wherever it turns up.
 */

/** The namespace of all of Millrace's ids: uuid5(DNS namespace, "millrace"). Changing it orphans every token in flight. */
const NAMESPACE = v5("millrace", v5.DNS);

/** Each part preceded by its length: no choice of names can make two lists of parts look alike. */
const encoded = (parts: readonly string[]): string => parts.map((part) => `${part.length}:${part}`).join("");

const idOf = (...parts: string[]): string => v5(encoded(parts), NAMESPACE);

/** The token of an object that was created in the bucket: one for each version, however often the event arrives. */
export const objectTokenId = (
  pipeline: string,
  input: string,
  bucket: string,
  key: string,
  version: string,
): string => idOf("object", pipeline, input, bucket, key, version);

/** The token of a put that carries a key of the caller's: repeating the put gives the same token. */
export const putTokenId = (pipeline: string, input: string, key: string): string =>
  idOf("put", pipeline, input, key);

/** The token that stands for a message which is none: it goes to the error bucket under this id. */
export const strayTokenId = (edge: string, messageId: string): string => idOf("stray", edge, messageId);

/** One stage working on one token. */
export const jobId = (pipeline: string, stage: string, token: string): string =>
  idOf("job", pipeline, stage, token);

/** @param index the output's place in the job's committed list, which never changes */
export const childTokenId = (parentJob: string, edge: string, index: number): string =>
  idOf("child", parentJob, edge, String(index));

/** A job that an outsider makes: the same pipeline and the same parameters are the same job. */
export const madeJobId = (pipeline: string, version: string, stage: string, parameters: string): string =>
  idOf("made", pipeline, version, stage, parameters);

/** A pipeline of certain components: any change of its definition makes another of it. */
export const pipelineUuid = (pipeline: string, version: string): string =>
  idOf("pipeline", pipeline, version);

/** What jobs belong to: a laboratory, an experiment, a sample. */
export const belongingId = (name: string): string => idOf("belonging", name);

/** W3C trace context: the run is the trace, the job the span, so that nothing random has to be kept. */
export function traceparent(run: string, job: string): string {
  const span = createHash("sha256").update(job).digest("hex").slice(0, 16);
  return `00-${run.replaceAll("-", "")}-${span}-01`;
}
