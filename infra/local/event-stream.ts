import type { IncomingMessage, ServerResponse } from "node:http";
import type { EventBus } from "./event-bus.ts";

/** Where the local runtime tells of events. On AWS, rules of EventBridge do. */
export const EVENTS_PATH = "/v1/events";

/** Changes of state as server-sent events (html.spec.whatwg.org/multipage/server-sent-events.html), from now on. */
export const streamEvents =
  (bus: Pick<EventBus, "subscribe">) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const stop = bus.subscribe((event) => {
      response.write(`id: ${event.id}\nevent: ${event["detail-type"]}\ndata: ${JSON.stringify(event)}\n\n`);
    });
    request.once("close", stop);
    // Whoever reads this knows that nothing will be missed.
    response.write(": listening\n\n");
  };
