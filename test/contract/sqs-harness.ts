import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SendMessageCommandOutput,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll } from "vitest";
import { type Sqs, type SqsOptions, startSqs } from "../../infra/local/sqs/server.ts";

/** Set: the tests run against that service, and what needs our own switches or a virtual clock is left out. */
const externalEndpoint = process.env["AWS_ENDPOINT_URL_SQS"];

export const isExternal = externalEndpoint !== undefined;

const newClient = (endpoint: string): SQSClient =>
  new SQSClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });

type Attributes = Partial<Record<QueueAttributeName, string>>;
type Send = Omit<SendMessageCommandInput, "QueueUrl" | "MessageBody">;
type Receive = Omit<ReceiveMessageCommandInput, "QueueUrl">;

export interface Counts {
  visible: number;
  inFlight: number;
  delayed: number;
}

let created = 0;

/** A name that no other test uses. */
export const newName = (suffix = ""): string => {
  created += 1;
  return `test-${process.pid}-${Date.now().toString(36)}-${created}${suffix}`;
};

/** The SDK with less to type. */
export class Account {
  #client: SQSClient | undefined;
  readonly #queues: string[] = [];

  connect(endpoint: string): this {
    this.#client = newClient(endpoint);
    return this;
  }

  get client(): SQSClient {
    if (!this.#client) throw new Error("connect first");
    return this.#client;
  }

  /** @returns the URL of a new standard queue */
  async queue(attributes: Attributes = {}, name = newName()): Promise<string> {
    const { QueueUrl } = await this.client.send(
      new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
    );
    this.#queues.push(QueueUrl!);
    return QueueUrl!;
  }

  /** @returns the URL of a new FIFO queue that deduplicates by content */
  fifo(attributes: Attributes = {}): Promise<string> {
    return this.queue(
      { FifoQueue: "true", ContentBasedDeduplication: "true", ...attributes },
      newName(".fifo"),
    );
  }

  /** A queue and its dead-letter queue. */
  async withDeadLetters(maxReceiveCount: number | string, attributes: Attributes = {}, fifo = false) {
    const dead = await (fifo ? this.fifo() : this.queue());
    const deadLetterTargetArn = await this.arn(dead);
    const all = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }), ...attributes };
    return { dead, queue: await (fifo ? this.fifo(all) : this.queue(all)) };
  }

  send(queue: string, body: string, more: Send = {}): Promise<SendMessageCommandOutput> {
    return this.client.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body, ...more }));
  }

  /** Up to ten messages with all their attributes. */
  async receive(queue: string, more: Receive = {}): Promise<Message[]> {
    const { Messages = [] } = await this.client.send(
      new ReceiveMessageCommand({
        QueueUrl: queue,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
        ...more,
      }),
    );
    return Messages;
  }

  /** The one message that is there. */
  async receiveOne(queue: string, more: Receive = {}): Promise<Message> {
    const [message, ...rest] = await this.receive(queue, more);
    if (!message || rest.length > 0)
      throw new Error(`expected one message, got ${message ? rest.length + 1 : 0}`);
    return message;
  }

  async bodies(queue: string, more: Receive = {}): Promise<(string | undefined)[]> {
    return (await this.receive(queue, more)).map(({ Body }) => Body);
  }

  async delete(queue: string, { ReceiptHandle }: Message): Promise<void> {
    await this.client.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
  }

  async changeVisibility(queue: string, { ReceiptHandle }: Message, seconds: number): Promise<void> {
    await this.client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle, VisibilityTimeout: seconds }),
    );
  }

  async attributes(queue: string, names: QueueAttributeName[] = ["All"]): Promise<Attributes> {
    const { Attributes = {} } = await this.client.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: names }),
    );
    return Attributes;
  }

  async arn(queue: string): Promise<string> {
    return (await this.attributes(queue, ["QueueArn"])).QueueArn!;
  }

  async counts(queue: string): Promise<Counts> {
    const found = await this.attributes(queue);
    return {
      visible: Number(found.ApproximateNumberOfMessages),
      inFlight: Number(found.ApproximateNumberOfMessagesNotVisible),
      delayed: Number(found.ApproximateNumberOfMessagesDelayed),
    };
  }

  async deleteQueues(): Promise<void> {
    for (const QueueUrl of this.#queues.splice(0)) {
      // A test may have deleted its queue itself.
      await this.client.send(new DeleteQueueCommand({ QueueUrl })).catch(() => {});
    }
  }
}

/** An account for the tests of a file: at the external endpoint, or on an emulator that runs as long as they do. */
export function useAccount(options: SqsOptions = {}): Account {
  const account = new Account();
  let emulator: Sqs | undefined;
  beforeAll(async () => {
    if (externalEndpoint === undefined) emulator = await startSqs(options);
    account.connect(emulator?.endpoint ?? externalEndpoint ?? "");
  });
  afterAll(async () => {
    if (isExternal) await account.deleteQueues();
    account.client.destroy();
    await emulator?.close();
  });
  return account;
}

/** An emulator of its own for one test, and an account on it. */
export async function startAccount(
  options: SqsOptions = {},
): Promise<AsyncDisposable & { account: Account; sqs: Sqs }> {
  const sqs = await startSqs(options);
  const account = new Account().connect(sqs.endpoint);
  return {
    account,
    sqs,
    async [Symbol.asyncDispose]() {
      account.client.destroy();
      await sqs.close();
    },
  };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
