import { StageFailure } from "../stage/failure.ts";
import { parseJson } from "../token/json.ts";
import { MANIFEST_NAME, Manifest } from "./protocol.ts";

/** Where an attempt's objects and its manifest lie. @param path of the attempt: begins with `/`, does not end with it */
export const podPrefix = (path: string, pod: string): string => `${path.slice(1)}/${pod}/`;
export const manifestKey = (path: string): string => `${path.slice(1)}/${MANIFEST_NAME}`;

/**
 * Reads a manifest that a pod has left. Whoever has a job's key can write one, so that nothing in it is believed: all of it
 * must be of this attempt, and below the prefix of the pod that wrote it.
 *
 * @throws StageFailure `output-invalid`
 */
export function readManifest(text: string, of: { job: string; attempt: number; path: string }): Manifest {
  let data: unknown;
  try {
    data = parseJson(text);
  } catch (cause) {
    throw invalid(`is not JSON: ${(cause as Error).message}`);
  }
  const result = Manifest.safeParse(data);
  if (!result.success) {
    const { path = [], message = "" } = result.error.issues[0] ?? {};
    throw invalid(path.length > 0 ? `is wrong at ${path.join(".")}: ${message}` : `is wrong: ${message}`);
  }
  const manifest = result.data;
  if (manifest.job !== of.job || manifest.attempt !== of.attempt)
    throw invalid(`is that of attempt ${manifest.attempt} of the job ${manifest.job}`);
  const prefix = podPrefix(of.path, manifest.pod);
  const objects = manifest.outputs.flatMap((output) => output.objects);
  const foreign = objects.find(({ key }) => !key.startsWith(prefix));
  if (foreign) throw invalid(`names the object ${foreign.key}, which is not below ${prefix}`);
  return manifest;
}

const invalid = (message: string): StageFailure =>
  new StageFailure("output-invalid", `the attempt's manifest ${message}`);
