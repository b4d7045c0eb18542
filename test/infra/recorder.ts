import { once } from "node:events";
import { createServer, request as forwardTo, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { Emulator } from "../../infra/local/emulator.ts";
import type { FunctionHost } from "../../infra/local/function-host.ts";

/** What functions call of AWS, in the terms of IAM: who, which action, on what. */
export interface Call {
  readonly functionName: string;
  readonly action: string;
  /** `queue NAME`, `table`, `index NAME`, `object KEY`, `bucket`, `bus`. */
  readonly resource: string;
  /** Key of the partition, of a table's action. */
  readonly partition?: string;
}

type Access = Omit<Call, "functionName">;

export const calls: Call[] = [];
/** Requests that this file cannot read. */
export const unknown: string[] = [];

/** Hosts of functions whose requests, and the URLs that they sign, bear their names. */
export const naming = (Host: typeof FunctionHost): typeof FunctionHost =>
  class extends Host {
    constructor(...[code, onLine]: ConstructorParameters<typeof FunctionHost>) {
      const { name } = code.plan;
      super({ ...code, env: { ...code.env, AWS_SDK_UA_APP_ID: name, AWS_ACCESS_KEY_ID: name } }, onLine);
    }
  };

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The service with whatever functions ask of it written down. */
export async function recorded<Service extends Emulator>(starting: Promise<Service>): Promise<Service> {
  const service = await starting;
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = incoming;
    const body = Buffer.concat(chunks);
    record({ method, url: new URL(url, service.endpoint), headers, body });
    const onwards = forwardTo(service.endpoint + url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onwards.on("error", () => outgoing.destroy());
    onwards.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...service,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await service.close();
    },
  };
}

function record(asked: Asked): void {
  const functionName = callerOf(asked);
  if (functionName === undefined) return;
  const target = asked.headers["x-amz-target"];
  const accesses = target === undefined ? ofS3(asked) : ofTarget(String(target), asked.body);
  if (accesses.length === 0) unknown.push(`${asked.method} ${target ?? asked.url}`);
  calls.push(...accesses.map((access) => ({ functionName, ...access })));
}

/** Undefined when no function asks: the runtime itself, the event sources, tests. */
function callerOf({ headers, url }: Asked): string | undefined {
  const named = / app\/(\S+)/.exec(String(headers["user-agent"]))?.[1];
  const signer = url.searchParams.get("X-Amz-Credential")?.split("/")[0];
  return named ?? (signer === "local" ? undefined : signer);
}

interface Key {
  readonly pk: { readonly S: string };
}

interface Parameters {
  readonly QueueUrl?: string;
  readonly IndexName?: string;
  readonly Key?: Key;
  readonly Item?: Key;
  readonly ExpressionAttributeValues?: { readonly ":pk"?: { readonly S: string } };
  readonly RequestItems?: Readonly<
    Record<string, readonly { PutRequest?: { Item: Key }; DeleteRequest?: { Key: Key } }[]>
  >;
}

function ofTarget(target: string, body: Buffer): Access[] {
  const [service = "", operation = ""] = target.split(".");
  const asked = JSON.parse(body.toString()) as Parameters;
  if (service === "AmazonSQS") {
    const queue = asked.QueueUrl?.split("/").at(-1);
    return [{ action: `sqs:${operation.replace(/Batch$/, "")}`, resource: `queue ${queue}` }];
  }
  if (service === "AWSEvents") return [{ action: `events:${operation}`, resource: "bus" }];
  return service.startsWith("DynamoDB") ? ofTable(operation, asked) : [];
}

function ofTable(operation: string, asked: Parameters): Access[] {
  const action = `dynamodb:${operation}`;
  if (asked.IndexName !== undefined) return [{ action, resource: `index ${asked.IndexName}` }];
  const written = Object.values(asked.RequestItems ?? {}).flat();
  const keys = [
    asked.Key,
    asked.Item,
    ...written.flatMap(({ PutRequest, DeleteRequest }) => [PutRequest?.Item, DeleteRequest?.Key]),
  ].flatMap((key) => key?.pk.S ?? []);
  const queried = asked.ExpressionAttributeValues?.[":pk"]?.S;
  const partitions = operation === "Query" ? [queried ?? "?"] : keys;
  return partitions.map((partition) => ({ action, resource: "table", partition }));
}

/** docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html */
function ofS3({ method, url, body }: Asked): Access[] {
  const [, , ...steps] = url.pathname.split("/");
  const key = decodeURIComponent(steps.join("/"));
  const { searchParams: query } = url;
  const on = (action: string): Access[] => [{ action: `s3:${action}`, resource: `object ${key}` }];
  if (key === "") {
    if (method === "GET") return [{ action: "s3:ListBucket", resource: "bucket" }];
    const keys = [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, each = ""]) => each);
    return keys.map((each) => ({ action: "s3:DeleteObject", resource: `object ${each}` }));
  }
  if (method === "GET" || method === "HEAD")
    return on(query.has("versionId") ? "GetObjectVersion" : "GetObject");
  if (method === "DELETE") return on(query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject");
  return on("PutObject");
}
