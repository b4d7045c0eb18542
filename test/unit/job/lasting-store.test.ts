import { randomUUID } from "node:crypto";
import { lastingStoreCases } from "./lasting-store-cases.ts";
import { memoryLastingStore } from "./memory-lasting-store.ts";

/** What the other unit tests stand on does what the real one does: test/contract/lasting-store.test.ts. */
lastingStoreCases(async () => memoryLastingStore(), randomUUID);
