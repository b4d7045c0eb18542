import type { DataDirectory } from "./data-directory.ts";
import { startDynamoDb } from "./dynamodb/server.ts";
import type { Emulator, OnCall } from "./emulator.ts";
import { type ObjectCreated, startS3 } from "./s3/server.ts";
import { startSqs } from "./sqs/server.ts";

/**
 * The services of AWS that a plan needs: our own on the loopback interface, or, for each whose standard variable is set
 * (`AWS_ENDPOINT_URL_SQS`, `_S3`, `_DYNAMODB`), the one that the variable names.
 */
export interface Services {
  /** What the clients of functions and of the runtime find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Calls so far by operation (`UpdateItem`); of our own services only. */
  calls(): Record<string, number>;
  /** Uploads that no pipeline has been told of yet. */
  pendingEvents(): number;
  close(): Promise<void>;
}

const VARIABLES = ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"] as const;
/** Nothing on the loopback interface checks them, apart from the signatures of URLs. */
const LOCAL_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  AWS_REGION: "us-east-1",
};

export async function startServices(
  directory: DataDirectory,
  {
    onObjectCreated,
    onCall: observe,
  }: { onObjectCreated(event: ObjectCreated): Promise<void>; onCall?: OnCall },
  env: NodeJS.ProcessEnv = process.env,
): Promise<Services> {
  const counts = new Map<string, number>();
  const onCall: OnCall = (operation) => {
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
    observe?.(operation);
  };
  const given = VARIABLES.filter((name) => env[name]);
  // Whoever held a claim ran in this folder's last process, and that process is dead: its lock was ours to take.
  const sqs = given.includes("AWS_ENDPOINT_URL_SQS")
    ? undefined
    : await startSqs({ directory: directory.sqs, onCall, releaseClaims: true });
  const s3 = given.includes("AWS_ENDPOINT_URL_S3")
    ? undefined
    : await startS3({ directory: directory.s3, onCall, onObjectCreated });
  const dynamodb = given.includes("AWS_ENDPOINT_URL_DYNAMODB")
    ? undefined
    : await startDynamoDb({ directory: directory.dynamodb, onCall });
  const own = {
    AWS_ENDPOINT_URL_SQS: sqs?.endpoint,
    AWS_ENDPOINT_URL_S3: s3?.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb?.endpoint,
  };
  const endpoints = Object.fromEntries(VARIABLES.map((name) => [name, own[name] ?? env[name] ?? ""]));
  // Credentials of the user's leave this process only when the user names a service of somebody else's.
  const credentials = given.length > 0 ? { ...LOCAL_CREDENTIALS, ...awsVariables(env) } : LOCAL_CREDENTIALS;
  const running: (Emulator | undefined)[] = [s3, sqs, dynamodb];
  return {
    env: { ...credentials, ...endpoints, MILLRACE_LOCAL: "1" },
    calls: () => Object.fromEntries(counts),
    pendingEvents: () => s3?.pendingEvents() ?? 0,
    close: async () => {
      for (const service of running) await service?.close();
    },
  };
}

const awsVariables = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[0].startsWith("AWS_") && entry[1] !== undefined,
    ),
  );
