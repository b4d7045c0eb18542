import { CreateTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  type DynamoDBDocumentClient,
  paginateQuery,
  paginateScan,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { randomNumbers } from "../seeds.ts";
import { keys, openIndex } from "./dynamodb-endpoint.ts";

const TableName = "jobs";
const jobs = 48;
const lanes = 8;

type Row = Record<string, unknown>;

const byKey = (left: Row, right: Row): number => String(left["pk"]).localeCompare(String(right["pk"]));

/**
 * Conditional updates of jobs that enter, leave and move within a sparse index, eight at a time. Each job belongs to
 * one lane, so that its next sequence number is known.
 */
export class Load {
  readonly #random: () => number;
  readonly #acknowledged = new Map<string, number>();

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
  }

  async prepare(client: DynamoDBClient): Promise<void> {
    await client.send(new CreateTableCommand({ TableName, ...keys, ...openIndex() }));
  }

  /** Works until the service is gone. `kill` is called after some hundred updates, with others under way. */
  async run(documents: DynamoDBDocumentClient, kill: () => void): Promise<void> {
    let left = 200 + Math.trunc(this.#random() * 400);
    const work = async (lane: number): Promise<void> => {
      for (;;) {
        const job = `job-${lane + lanes * Math.trunc((this.#random() * jobs) / lanes)}`;
        await this.#update(documents, job);
        left -= 1;
        if (left === 0) kill();
      }
    };
    await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => work(lane)));
    if (left > 0) throw new Error(`the service failed ${left} updates before it was killed`);
  }

  async #update(documents: DynamoDBDocumentClient, job: string): Promise<void> {
    const seq = this.#acknowledged.get(job) ?? 0;
    const open = this.#random() < 0.5;
    const command = new UpdateCommand({
      TableName,
      Key: { pk: job, sk: "job" },
      UpdateExpression: open
        ? "SET seq = :next, note = :note, #state = :open, since = :since"
        : "SET seq = :next, note = :note REMOVE #state, since",
      ConditionExpression: "attribute_not_exists(pk) OR seq = :seq",
      ExpressionAttributeNames: { "#state": "state" },
      ExpressionAttributeValues: {
        ":seq": seq,
        ":next": seq + 1,
        ":note": "x".repeat(Math.trunc(this.#random() * 3000)),
        ...(open && { ":open": "OPEN", ":since": String(Math.trunc(this.#random() * 5)) }),
      },
    });
    await documents.send(command);
    this.#acknowledged.set(job, seq + 1);
  }

  /** Everything in the table and everything in the index, in one order. */
  async read(client: DynamoDBDocumentClient): Promise<{ items: Row[]; entries: Row[] }> {
    const items: Row[] = [];
    for await (const page of paginateScan({ client }, { TableName })) items.push(...(page.Items ?? []));
    const entries: Row[] = [];
    const query = {
      TableName,
      IndexName: "open",
      KeyConditionExpression: "#state = :open",
      ExpressionAttributeNames: { "#state": "state" },
      ExpressionAttributeValues: { ":open": "OPEN" },
    };
    for await (const page of paginateQuery({ client }, query)) entries.push(...(page.Items ?? []));
    return { items: items.toSorted(byKey), entries: entries.toSorted(byKey) };
  }

  /** The jobs that have not what was acknowledged, nor the one update more that was under way. */
  lost(items: Row[]): string[] {
    const found = new Map(items.map((item) => [String(item["pk"]), Number(item["seq"])]));
    return [...this.#acknowledged].flatMap(([job, seq]) => {
      const has = found.get(job) ?? 0;
      return has === seq || has === seq + 1 ? [] : [`${job}: acknowledged ${seq}, found ${has}`];
    });
  }
}
