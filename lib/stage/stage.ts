import type { Readable } from "node:stream";
import type { ObjectRef } from "../token/envelope.ts";
import type { Json } from "../token/json.ts";
import type { Body } from "../token/objects.ts";
import { RejectError } from "./failure.ts";

/**
 * What a pipeline's author imports (`import { stage } from "millrace"`): the typed form of a light stage.
 *
 * @example
 * export default stage({
 *   input: z.object({ barcode: z.string() }),
 *   async run(token, context) {
 *     const text = await context.text(token.objects[0]);
 *     return { data: { barcode: token.data.barcode, words: text.split(/\s+/).length } };
 *   },
 * });
 */
export const stage = <Data = Json, Out = Json>(
  definition: StageDefinition<Data, Out>,
): StageDefinition<Data, Out> => definition;

/** Sends the token to the error bucket at once: no attempt can make it good. */
export function reject(message: string): never {
  throw new RejectError(message);
}

export interface StageDefinition<Data = Json, Out = Json> {
  /** Checked before `run`: a token that does not meet it goes to the error bucket (`input-invalid`). */
  readonly input?: Schema<Data>;
  /** Checked for the `data` of every output: an output that does not meet it fails the attempt (`output-invalid`). */
  readonly output?: Schema<Out>;
  /**
   * Works on one token and answers its outputs: none, one, several, or a stream of them. A throw fails this token alone,
   * and the attempt is repeated later. It may run more than once for a token; its outputs take effect once.
   */
  run(token: Token<Data>, context: StageContext<Out>): Outputs<Out> | Promise<Outputs<Out>>;
}

export interface Token<Data = Json> {
  readonly id: string;
  /** The token that arrived from outside and that this one descends from. */
  readonly run: string;
  readonly data: Data;
  readonly objects: readonly ObjectRef[];
  /** From 1. */
  readonly attempt: number;
}

export interface Output<Out = Json> {
  readonly data?: Out;
  /** Objects that were read or written here, passed on by reference. */
  readonly objects?: readonly ObjectRef[];
  /** Only with `fanout: route`: the stage, or stages, that receive it. */
  readonly to?: string | readonly string[];
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement has no output
export type Outputs<Out = Json> = void | Output<Out> | readonly Output<Out>[] | AsyncIterable<Output<Out>>;

export interface StageContext<Out = Json> {
  /** The same for every attempt at this token: what outside systems should recognise a repetition by. */
  readonly idempotencyKey: string;
  /** Aborts when the token's time is over. */
  readonly signal: AbortSignal;
  /** Milliseconds left for this token. */
  remainingMs(): number;
  /** Kept on the job's record (the last lines) and written to the function's log. */
  readonly log: Log;
  /** One more output, beside what `run` answers. */
  emit(output: Output<Out>): void;
  /** An object's content, as a stream. */
  read(object: ObjectRef | undefined): Promise<Readable>;
  bytes(object: ObjectRef | undefined): Promise<Buffer>;
  text(object: ObjectRef | undefined): Promise<string>;
  /** Stores an object among this attempt's outputs; pass it on by returning it in `objects`. Streams are not held in memory. */
  write(name: string, body: Body): Promise<ObjectRef>;
  /**
   * Stores a result of the pipeline under a name of its own, below `results/<pipeline>/`, unless there is one.
   *
   * @returns `existed`: another token has published that name
   */
  publish(name: string, body: Body): Promise<Published>;
  /** The values of a secret that the definition lets this stage read. */
  secret(name: string): Promise<Readonly<Record<string, string>>>;
}

export interface Published {
  readonly object: ObjectRef;
  readonly existed: boolean;
}

export type Log = Readonly<Record<"debug" | "info" | "warn" | "error", (message: string) => void>>;

/** Standard Schema v1 (standardschema.dev), as far as it is used here: zod, valibot, arktype and others speak it. */
export interface Schema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly unknown[] | undefined;
      }[];
    };
