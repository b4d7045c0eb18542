import type { Json } from "../token/json.ts";
import type { Body } from "../token/objects.ts";

/**
 * What an example imports (`import { sample } from "millrace/sample"`) to bring its own input along: a `sample.ts` beside
 * the definition, run by `millrace dev`. It may run again on state that has its input already, also after it was
 * killed half-way: everything that it puts is put once.
 */
export const sample = (make: Sample): Sample => make;

export type Sample = (context: SampleContext) => Promise<void>;

export interface SampleContext {
  /** The bucket that the pipeline's uploads go to. */
  readonly bucket: string;
  /** Uploads an object, unless there is one of that key; only then is it made. */
  upload(key: string, make: () => Body | Promise<Body>): Promise<void>;
  /** Puts a token, unless there was one of that key. */
  put(key: string, data: Json, input?: string): Promise<void>;
  /** A secret's values: the stored ones, or, the first time, those that `make` gives. */
  secret(name: string, make: () => Record<string, string>): Promise<Readonly<Record<string, string>>>;
}
