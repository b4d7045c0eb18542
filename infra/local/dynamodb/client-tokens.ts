import { createHash } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { serviceError } from "./service-error.ts";

/** How long a client token stands for its transaction. */
const rememberedMs = 10 * 60 * 1000;

/**
 * The tokens of the transactions that were done lately. They are written in the same transaction as the items, so a
 * client that repeats its request after a crash learns the truth.
 */
export class ClientTokens {
  readonly #find: StatementSync;
  readonly #save: StatementSync;
  readonly #forget: StatementSync;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("SELECT digest FROM client_token WHERE token = ? AND forget_at > ?");
    this.#save = database.prepare("INSERT OR REPLACE INTO client_token VALUES (?, ?, ?)");
    this.#forget = database.prepare("DELETE FROM client_token WHERE forget_at <= ?");
  }

  /**
   * Whether the same request was done under this token before; if not, it is from now on.
   *
   * @throws ServiceError IdempotentParameterMismatchException when the token stands for another request
   */
  isRepeated(token: string, request: unknown, now: number): boolean {
    const digest = createHash("sha256").update(JSON.stringify(request)).digest("base64");
    const known = this.#find.get(token, now);
    if (!known) {
      this.#save.run(token, digest, now + rememberedMs);
      return false;
    }
    if (known["digest"] === digest) return true;
    throw serviceError(
      "IdempotentParameterMismatchException",
      "The request uses the same client token as a previous, but non-identical request.",
    );
  }

  forgetOld(now: number): void {
    this.#forget.run(now);
  }
}
