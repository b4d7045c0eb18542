import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isoTime, systemClock } from "../../lib/clock.ts";
import type { Emulator, OnCall } from "./emulator.ts";
import { isLoopbackHost } from "./loopback.ts";

/** An event as EventBridge delivers it (docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html). */
export interface BusEvent {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

/** EventBridge, as far as functions put events: whoever listens is told at once, and nothing is kept. */
export interface EventBus extends Emulator {
  /** @returns ends it */
  subscribe(listener: (event: BusEvent) => void): () => void;
}

/** docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html: 256 KB, ten entries. */
const MAX_BYTES = 262_144;
const MAX_ENTRIES = 10;

interface Entry {
  readonly Source?: string;
  readonly DetailType?: string;
  readonly Detail?: string;
}

export async function startEventBus(onCall?: OnCall): Promise<EventBus> {
  const listeners = new Set<(event: BusEvent) => void>();
  const server = createServer((request, response) => {
    answer(request, listeners, onCall).then(
      ({ status, body }) => send(response, status, body),
      (error: Error) => send(response, 500, { __type: "InternalException", message: error.message }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(body));
}

const refused = (type: string, message: string) => ({ status: 400, body: { __type: type, message } });

async function answer(
  request: IncomingMessage,
  listeners: ReadonlySet<(event: BusEvent) => void>,
  onCall: OnCall | undefined,
): Promise<{ status: number; body: object }> {
  const operation = String(request.headers["x-amz-target"] ?? "");
  if (!isLoopbackHost(request.headers.host))
    return refused("AccessDeniedException", "address it as 127.0.0.1");
  if (operation !== "AWSEvents.PutEvents")
    return refused("UnknownOperationException", `the local EventBridge has no ${operation}`);
  onCall?.("PutEvents");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const { Entries = [] } = JSON.parse(text) as { Entries?: readonly Entry[] };
  if (Entries.length === 0 || Entries.length > MAX_ENTRIES || text.length > MAX_BYTES)
    return refused("ValidationException", `1 to ${MAX_ENTRIES} entries and ${MAX_BYTES} bytes are taken`);
  const results = Entries.map((entry) => put(entry, listeners));
  return {
    status: 200,
    body: {
      FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
      Entries: results,
    },
  };
}

function put(
  { Source: source, DetailType, Detail }: Entry,
  listeners: ReadonlySet<(event: BusEvent) => void>,
): { EventId?: string; ErrorCode?: string; ErrorMessage?: string } {
  const detail = objectIn(Detail);
  if (source === undefined || DetailType === undefined || detail === undefined)
    return {
      ErrorCode: "MalformedDetail",
      ErrorMessage: "Source, DetailType and Detail, a JSON object, are needed",
    };
  const event: BusEvent = {
    version: "0",
    id: randomUUID(),
    "detail-type": DetailType,
    source,
    account: "000000000000",
    time: isoTime(systemClock.now()),
    region: "us-east-1",
    resources: [],
    detail,
  };
  for (const listener of listeners) listener(event);
  return { EventId: event.id };
}

function objectIn(text = ""): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
