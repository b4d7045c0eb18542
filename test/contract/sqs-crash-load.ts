import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  SendMessageBatchCommand,
} from "@aws-sdk/client-sqs";
import type { Dice } from "./sqs-dice.ts";
import type { Account } from "./sqs-harness.ts";

/** What the clients know of a message. An attempt without an acknowledgement may or may not have had its effect. */
interface Knowledge {
  isSendAcknowledged: boolean;
  isDeleteAttempted: boolean;
  isDeleteAcknowledged: boolean;
}

/** Longer than the test: nobody else gets a message while it is claimed, so its handle cannot become stale. */
const CLAIM_SECONDS = 600;

/** Clients that send, receive, delete and give back until the service dies, and remember what they were told. */
export class CrashLoad {
  readonly known = new Map<string, Knowledge>();
  readonly #dice: Dice;
  #acknowledged = 0;
  #target = { count: 0, reached: () => {} };

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** Settles when so many more requests have been answered. */
  progress(requests: number): Promise<void> {
    return new Promise((reached) => {
      this.#target = { count: this.#acknowledged + requests, reached };
    });
  }

  /** Works until a request fails because the service is gone. */
  async run(account: Account, queue: string, dead: string): Promise<void> {
    const work = async () => {
      for (;;) {
        await this.#send(account, queue);
        await this.#receive(account, queue);
        await this.#receive(account, queue);
        if (this.#dice.chance(0.3)) await this.#receive(account, dead);
      }
    };
    await Promise.all(Array.from({ length: 4 }, () => work().catch(refuseUnlessGone)));
  }

  async #send(account: Account, queue: string): Promise<void> {
    const bodies = Array.from({ length: 10 }, () => {
      const body = `${this.known.size} ${"x".repeat(this.#dice.below(this.#dice.chance(0.1) ? 30_000 : 300))}`;
      this.known.set(body, {
        isSendAcknowledged: false,
        isDeleteAttempted: false,
        isDeleteAcknowledged: false,
      });
      return body;
    });
    const Entries = bodies.map((MessageBody, index) => ({ Id: `${index}`, MessageBody }));
    await account.client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }));
    this.#count();
    for (const body of bodies) this.#of(body).isSendAcknowledged = true;
  }

  /** Deletes some of what comes, gives some back, and keeps the rest claimed. */
  async #receive(account: Account, queue: string): Promise<void> {
    const messages = await account.receive(queue, { VisibilityTimeout: CLAIM_SECONDS });
    const toDelete = messages.filter(() => this.#dice.chance(0.3));
    const toGiveBack = messages.filter((message) => !toDelete.includes(message) && this.#dice.chance(0.8));
    if (toDelete.length > 0) await this.#delete(account, queue, toDelete);
    if (toGiveBack.length === 0) return;
    const Entries = toGiveBack.map((message, index) => ({ ...entry(message, index), VisibilityTimeout: 0 }));
    await account.client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queue, Entries }));
    this.#count();
  }

  async #delete(account: Account, queue: string, messages: Message[]): Promise<void> {
    for (const { Body } of messages) this.#of(Body).isDeleteAttempted = true;
    await account.client.send(
      new DeleteMessageBatchCommand({ QueueUrl: queue, Entries: messages.map(entry) }),
    );
    for (const { Body } of messages) this.#of(Body).isDeleteAcknowledged = true;
  }

  #count(): void {
    this.#acknowledged += 1;
    if (this.#acknowledged >= this.#target.count) this.#target.reached();
  }

  #of(body: string | undefined): Knowledge {
    const known = this.known.get(body ?? "");
    if (!known) throw new Error(`a message that nobody has sent: ${body?.slice(0, 20)}`);
    return known;
  }
}

const entry = ({ ReceiptHandle }: Message, index: number) => ({ Id: `${index}`, ReceiptHandle });

function refuseUnlessGone(error: unknown): void {
  const code = (error as { code?: string }).code ?? "";
  if (!["ECONNRESET", "ECONNREFUSED", "EPIPE"].includes(code)) throw error;
}
