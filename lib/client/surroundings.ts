import { randomUUID } from "node:crypto";
import { systemClock } from "../clock.ts";
import type { Surroundings } from "./api-client.ts";

/** The world, for programs that have nothing else to do with Millrace and need not supply it. */
export const realSurroundings: Surroundings & { newId(): string } = {
  clock: systemClock,
  random: Math.random,
  newId: randomUUID,
  fetch: (url, init) => fetch(url, init),
};
