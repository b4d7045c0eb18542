import { MillraceError } from "../../lib/errors.ts";
import type { ClusterNeeds } from "./cluster.ts";
import type { DataDirectory } from "./data-directory.ts";
import { startDynamoDb } from "./dynamodb/server.ts";
import type { Emulator, OnCall } from "./emulator.ts";
import { type EventBus, startEventBus } from "./event-bus.ts";
import { type ObjectCreated, startS3 } from "./s3/server.ts";
import { startSqs } from "./sqs/server.ts";

/**
 * The services that a plan needs: our own on the loopback interface, or, for each whose standard variable is set
 * (`AWS_ENDPOINT_URL_SQS`, `_S3`, `_DYNAMODB`, `_EVENTBRIDGE`, `KUBECONFIG` with `MILLRACE_NAMESPACE`), the one that is named.
 */
export interface Services {
  /** What the clients of functions and of the runtime find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What those find besides that have a way to the cluster. */
  readonly clusterEnv: Readonly<Record<string, string>>;
  /** Calls so far by operation (`UpdateItem`); of our own services only. */
  calls(): Record<string, number>;
  /** The bucket is somebody else's, and tells nobody of uploads. */
  readonly isForeignBucket: boolean;
  /** Absent when it is somebody else's. */
  readonly bus: Pick<EventBus, "subscribe"> | undefined;
  /** Uploads that no pipeline has been told of yet. */
  pendingEvents(): number;
  close(): Promise<void>;
}

const VARIABLES = {
  sqs: "AWS_ENDPOINT_URL_SQS",
  s3: "AWS_ENDPOINT_URL_S3",
  dynamodb: "AWS_ENDPOINT_URL_DYNAMODB",
  eventbridge: "AWS_ENDPOINT_URL_EVENTBRIDGE",
} as const;
type Name = keyof typeof VARIABLES;

/** Nothing on the loopback interface checks them, apart from the signatures of URLs, which S3 verifies. */
const LOCAL_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  AWS_REGION: "us-east-1",
};

interface Observers {
  onObjectCreated(event: ObjectCreated): Promise<void>;
  readonly onCall?: OnCall;
  /** Given when a stage runs in a cluster: without one, none is started. */
  readonly cluster?: ClusterNeeds;
}

/** @throws MillraceError when a variable is no URL, or a service cannot start on what the folder holds */
export async function startServices(
  directory: DataDirectory,
  { onObjectCreated, onCall: observe, cluster }: Observers,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Services> {
  const hasForeign = Object.values(VARIABLES).some((variable) => isGiven(env[variable]));
  // Credentials of the user's leave this process only when the user names a service of somebody else's.
  const clientEnv = { ...LOCAL_CREDENTIALS, ...(hasForeign && awsVariables(env)) };
  const credentials = { [clientEnv.AWS_ACCESS_KEY_ID]: clientEnv.AWS_SECRET_ACCESS_KEY };
  const counts = new Map<string, number>();
  const onCall: OnCall = (operation) => {
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
    observe?.(operation);
  };
  const starters: Record<Name, () => Promise<Emulator>> = {
    // Whoever held a claim ran in this folder's last process, and that process is dead: its lock was ours to take.
    sqs: () => startSqs({ directory: directory.sqs, onCall, releaseClaims: true }),
    s3: async () => {
      const s3 = await startS3({ directory: directory.s3, onCall, onObjectCreated, credentials });
      pendingEvents = s3.pendingEvents;
      return s3;
    },
    dynamodb: () => startDynamoDb({ directory: directory.dynamodb, onCall }),
    eventbridge: async () => {
      bus = await startEventBus(onCall);
      return bus;
    },
  };
  let bus: EventBus | undefined;
  let pendingEvents = (): number => 0;
  const running: Pick<Emulator, "close">[] = [];
  const close = async (): Promise<void> => {
    for (const service of running.reverse()) await service.close();
  };
  const endpoints: Record<string, string> = {};
  for (const name of Object.keys(VARIABLES) as Name[]) {
    const given = env[VARIABLES[name]];
    if (isGiven(given)) endpoints[VARIABLES[name]] = checkedUrl(VARIABLES[name], given);
    else {
      const service = await starting(name, directory, starters[name](), close);
      running.push(service);
      endpoints[VARIABLES[name]] = service.endpoint;
    }
  }
  let clusterEnv: Services["clusterEnv"] = {};
  if (cluster) {
    // Loaded only here: what it knows of Kubernetes' fields weighs as much as all the rest.
    const { startCluster } = await import("./cluster.ts");
    const started = startCluster(directory.kubernetes, cluster, onCall, env);
    const local = await starting("kubernetes", directory, started, close);
    running.push(local);
    clusterEnv = local.env;
  }
  return {
    env: { ...clientEnv, ...endpoints, MILLRACE_LOCAL: "1" },
    clusterEnv,
    calls: () => Object.fromEntries(counts),
    isForeignBucket: isGiven(env[VARIABLES.s3]),
    bus,
    pendingEvents: () => pendingEvents(),
    close,
  };
}

/** @throws MillraceError when it does not, after all that runs has been closed */
function starting<T>(
  name: Name | "kubernetes",
  directory: DataDirectory,
  service: Promise<T>,
  close: () => Promise<void>,
): Promise<T> {
  return service.catch(async (cause: Error) => {
    await close();
    throw new MillraceError(
      "service-start",
      `the local ${name} cannot start${name === "eventbridge" ? "" : ` on ${directory[name]}`}: ${cause.message}`,
      {
        hint:
          cause instanceof MillraceError
            ? (cause.hint ?? "")
            : "move that folder away to begin anew, or use another one: --data DIR",
        cause,
      },
    );
  });
}

const isGiven = (value: string | undefined): value is string => value !== undefined && value !== "";

function checkedUrl(variable: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new MillraceError("endpoint", `${variable} is "${value}", which is no URL`, {
    hint: "for example http://127.0.0.1:4566",
  });
}

const awsVariables = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[0].startsWith("AWS_") && entry[1] !== undefined,
    ),
  );
