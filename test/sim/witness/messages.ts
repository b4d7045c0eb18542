import { edgeOf } from "../../../lib/plan/find.ts";
import type { Envelope } from "../../../lib/token/envelope.ts";
import { jobId, objectTokenId, strayTokenId } from "../../../lib/token/ids.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import { BUCKET } from "../services/bucket-client.ts";

/** What a message is, told from its body without the product's help. */

/** A message is looked at when it is sent, received, deleted, and when its function dies: the same answer each time. */
function remembering<Answer>(ask: (text: string) => Answer): (text: string) => Answer {
  const known = new Map<string, Answer>();
  return (text) => {
    if (known.has(text)) return known.get(text) as Answer;
    if (known.size === REMEMBERED) known.clear();
    const answer = ask(text);
    known.set(text, answer);
    return answer;
  };
}

const REMEMBERED = 2000;

/** The envelope, if it is one that leads somewhere in this pipeline. */
export const envelopeIn = remembering((body): Envelope | undefined => {
  const data = parsed(body) as Envelope | undefined;
  if (data?.v !== 1 || !PIPELINE.edges.some(({ id }) => id === data.edge)) return undefined;
  return data;
});

const jobOfEnvelope = remembering((body): string | undefined => {
  const envelope = envelopeIn(body);
  return envelope && jobId(PIPELINE.id, edgeOf(PIPELINE, envelope.edge).to, envelope.id);
});

/** The job that a message of an edge is about. */
export const jobOfMessage = (queue: string, { id, body }: { id: string; body: string }): string =>
  jobOfEnvelope(body) ?? strayJobOf(queue, id);

/** The job that stands for a message which is no token. Those of the intake go to the first edge. */
export function strayJobOf(queue: string, messageId: string): string {
  const [first] = PIPELINE.edges;
  const isOf = (name: string) => name === queue;
  const edge = PIPELINE.edges.find((each) => isOf(each.queue.name) || isOf(each.queue.dead.name)) ?? first;
  return jobId(PIPELINE.id, edge?.to ?? "", strayTokenId(edge?.id ?? "", messageId));
}

interface Entering {
  readonly token: string;
  readonly edge: string;
}

interface IntakeMessage {
  readonly kind?: string;
  readonly token?: string;
  readonly input?: string;
  readonly detail?: { readonly object: CreatedObject };
}

interface CreatedObject {
  readonly key: string;
  readonly etag: string;
  readonly "version-id"?: string;
  readonly sequencer: string;
}

/** The tokens that an intake message lets in. */
export const enteringBy = remembering((body): readonly Entering[] => {
  const message = parsed(body) as IntakeMessage | undefined;
  if (message?.kind === "put") {
    const input = PIPELINE.inputs.find(({ name }) => name === message.input);
    return input && message.token !== undefined ? [{ token: message.token, edge: input.edge }] : [];
  }
  if (!message?.detail) return [];
  const { key, etag, sequencer, "version-id": versionId } = message.detail.object;
  if (!/^incoming\/.*\.txt$/.test(key)) return [];
  const version = versionId ?? `${etag}#${sequencer}`;
  return [{ token: objectTokenId(PIPELINE.id, "scans", BUCKET, key, version), edge: "_split" }];
});

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

export const isIntake = (queue: string): boolean =>
  queue === PIPELINE.intake.name || queue === PIPELINE.intake.dead.name;
