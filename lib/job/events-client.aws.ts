import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { type Env, settings } from "../client-settings.ts";

export const eventBridgeClient = (env: Env = process.env): EventBridgeClient =>
  new EventBridgeClient(settings("EVENTBRIDGE", env));
