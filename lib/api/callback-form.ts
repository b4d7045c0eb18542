import { createHash } from "node:crypto";
import * as z from "zod";
import { JOB_EVENTS, type JobEvent } from "../job/machine.ts";
import { canonicalJson, type Json, parseJson } from "../token/json.ts";
import { type ApiRequest, Problem } from "./http.ts";

/**
 * The forms in which an event is reported:
 *
 * - a message, `{ "event": "update", "data": …, "eventId": … }`; `name` for `event`, `status` or `state` of another system in
 *   their place, and `uuid` and `token` as PipelineJobs has them;
 * - a URL, `?uuid=…&token=…&x-nonce=…&status=…`, and the whole body is the data: how Agave's notifications come.
 *
 * A body that is a message is one; what it says goes before what the URL says. The key and the nonce that are shown are no part
 * of what is reported, wherever a system quotes them.
 */

const MAX_BYTES = 65_536;
/** Nobody's report is nested so deeply. */
const MAX_DEPTH = 64;
const RESERVED_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** An event's id, as whoever reports it gives it. */
export const EventId = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, { error: "1 to 128 printable ASCII characters" });

const Text = z.string().min(1).max(128);
const Message = z.strictObject({
  uuid: z.string().max(64).optional(),
  event: Text.optional(),
  name: z.enum(JOB_EVENTS).optional(),
  status: Text.optional(),
  state: Text.optional(),
  data: z.custom<Json>().optional(),
  token: z.string().max(512).optional(),
  eventId: EventId.optional(),
});
type Message = z.infer<typeof Message>;
/** What a URL may say of the event itself. */
const InUrl = Message.pick({ event: true, status: true, state: true, eventId: true });

const saysEvent = ({ event, name, status, state }: Partial<Message>): boolean =>
  (event ?? name ?? status ?? state) !== undefined;

/** What a caller shows of itself, before it is believed. */
export interface Credentials {
  readonly key: string | undefined;
  /** The job that it says it speaks of. */
  readonly job: string | undefined;
  readonly nonce: string | undefined;
}

/** @throws Problem 413, since a key may stand in the body */
export function credentialsOf(request: ApiRequest): Credentials {
  const { params, query, headers } = request;
  checkSize(request);
  const bearer = /^bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1];
  // Only for its key, if it comes in the body: what is wrong with the body is said to those who have one.
  const message = bearer === undefined ? messageIn(request.body) : undefined;
  return {
    key: bearer ?? message?.token ?? query["token"],
    job: params["job"] ?? message?.uuid ?? query["uuid"],
    nonce: headers["x-nonce"] ?? query["x-nonce"],
  };
}

function messageIn(body: string): Message | undefined {
  try {
    return Message.safeParse(parseJson(body, MAX_DEPTH)).data;
  } catch {
    return undefined;
  }
}

/** What is reported. */
export interface Report {
  /** A word of ours, or one of another system's. */
  readonly says: { readonly event: JobEvent } | { readonly status: string };
  readonly data: Json | undefined;
  readonly eventId: string | undefined;
}

function checkSize({ body }: ApiRequest): void {
  const size = Buffer.byteLength(body);
  if (size <= MAX_BYTES) return;
  throw new Problem(
    413,
    "too-large",
    `the body has ${size} bytes, at most ${MAX_BYTES} are taken`,
    "archive it as an object, and report its name",
  );
}

/** @throws Problem 400, 413 or 422 */
export function reportOf(request: ApiRequest): Report {
  const { body, query } = request;
  const { key, nonce } = credentialsOf(request);
  const content = body.trim() === "" ? undefined : contentOf(body);
  const message = Message.safeParse(content ?? {});
  const url = inUrl(query);
  const eventId = message.data?.eventId ?? url.eventId;
  const isMessage = message.success && saysEvent(message.data);
  if (!isMessage && !saysEvent(url)) throw notAReport(content, message.error);
  const said = isMessage ? message.data : url;
  // A message that leaves it to the URL what happened still says what its data are.
  const data = isMessage || message.data?.data !== undefined ? message.data?.data : content;
  return reported({ ...said, eventId }, data && withoutSecrets(data, [key, nonce]));
}

function inUrl({ event, status, state, eventId }: ApiRequest["query"]): z.infer<typeof InUrl> {
  const result = InUrl.safeParse({ event, status, state, eventId });
  if (result.success) return result.data;
  throw new Problem(422, "invalid-request", placesOf(result.error, "URL").join("; "));
}

/** Shorter than any nonce of ours: what would stand in other people's words by chance. */
const MIN_SECRET_LENGTH = 16;

function withoutSecrets(value: Json, secrets: readonly (string | undefined)[]): Json {
  const told = secrets.filter((secret) => secret !== undefined && secret.length >= MIN_SECRET_LENGTH);
  const inText = (text: string): string =>
    told.reduce<string>((left, secret) => left.replaceAll(secret as string, "[secret]"), text);
  const walk = (each: Json): Json => {
    if (typeof each === "string") return inText(each);
    if (Array.isArray(each)) return each.map(walk);
    if (typeof each !== "object" || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([name, inner]) => [inText(name), walk(inner)]));
  };
  return told.length === 0 ? value : walk(value);
}

function contentOf(body: string): Json {
  let content: Json;
  try {
    content = parseJson(body, MAX_DEPTH);
  } catch (error) {
    throw new Problem(400, "malformed-json", (error as Error).message, "send one JSON object");
  }
  const reserved = reservedKey(content);
  if (reserved === undefined) return content;
  throw new Problem(400, "reserved-key", `the body has the key "${reserved}"`, "give it another name");
}

function reservedKey(value: Json): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const own = Array.isArray(value) ? undefined : Object.keys(value).find((key) => RESERVED_KEYS.has(key));
  if (own !== undefined) return own;
  for (const each of Object.values(value)) {
    const found = reservedKey(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function notAReport(content: Json | undefined, error: z.ZodError | undefined): Problem {
  const hint = `send { "event": …, "data": … }, where event is one of ${JOB_EVENTS.join(", ")}`;
  if (content === undefined || !error)
    return new Problem(422, "no-event", "nothing says what happened", hint);
  return new Problem(422, "invalid-request", placesOf(error, "body").join("; "), hint);
}

const placesOf = ({ issues }: z.ZodError, whole: string): string[] =>
  issues.map(({ path, message }) => `${path.join(".") || whole}: ${message}`);

function reported({ event, name, status, state, eventId }: Partial<Message>, data: Json | undefined): Report {
  const word = event ?? name;
  const told = status ?? state;
  if (word === undefined && told !== undefined) {
    // Without data, the word itself is what there is to keep.
    return { says: { status: told }, data: data ?? { status: told }, eventId };
  }
  const known = JOB_EVENTS.find((each) => each === word);
  if (known) return { says: { event: known }, data, eventId };
  throw new Problem(
    422,
    "unknown-event",
    `there is no event "${word}"`,
    `there is: ${JOB_EVENTS.join(", ")}`,
  );
}

/**
 * The id of an event that was given none: whoever sends the same once more, because an answer was lost, repeats it. A caller
 * who wants two equal updates in the history gives each an id.
 */
export function derivedEventId({ says, data }: Report): string {
  const text = canonicalJson([{ ...says }, data ?? null]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
