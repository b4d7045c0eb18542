import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { Logger } from "../log.ts";
import { type Announce, EVENT_SOURCE, STATE_CHANGED } from "./announce.ts";

/** Announces by EventBridge. Never throws. @param bus its name; absent: the account's default bus */
export const eventBridgeAnnouncer =
  (client: Pick<EventBridgeClient, "send">, log: Logger, bus?: string): Announce =>
  async (change) => {
    try {
      const { Entries: [entry] = [] } = await client.send(
        new PutEventsCommand({
          Entries: [
            {
              Source: EVENT_SOURCE,
              DetailType: STATE_CHANGED,
              Detail: JSON.stringify(change),
              ...(bus !== undefined && { EventBusName: bus }),
            },
          ],
        }),
      );
      if (entry?.ErrorCode !== undefined) throw new Error(`${entry.ErrorCode}: ${entry.ErrorMessage}`);
    } catch (error) {
      log("warn", `a change of state was not announced: ${(error as Error).message}`, { job: change.job });
    }
  };
