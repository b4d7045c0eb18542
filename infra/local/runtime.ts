import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { isCallback } from "../../lib/api/callback-routes.ts";
import { type Board, makeBoard, type QueueCounts } from "../../lib/board/board.ts";
import { tally } from "../../lib/board/tally.ts";
import { documentClient, dynamoDbClient, sqsClient } from "../../lib/clients.aws.ts";
import { sleep, systemClock } from "../../lib/clock.ts";
import { MillraceError } from "../../lib/errors.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import type { PipelinePlan, Plan } from "../../lib/plan/plan.ts";
import { queueCounts, queuesOf } from "../../lib/queue/counts.aws.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { archiveEvents } from "./archive-events.ts";
import { forward } from "./bucket-events.ts";
import { bucketPoll } from "./bucket-poll.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory.ts";
import type { OnCall } from "./emulator.ts";
import { EVENTS_PATH, streamEvents } from "./event-stream.ts";
import { functionLogs } from "./function-logs.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { clusterNeeds, inCluster, runSweeps, whereItWas } from "./heavy-stages.ts";
import { keepKeyRing } from "./local-secrets.ts";
import { requestFunction, startPlanFunctions } from "./plan-functions.ts";
import { provisionBucket, provisionQueues, provisionTable, refuseStranded } from "./provision.ts";
import type { ObjectCreated } from "./s3/server.ts";
import { type Services, startServices } from "./services.ts";
import { isStill, type Movement } from "./stillness.ts";

/**
 * A plan, running on this machine: the handlers that AWS runs, the AWS SDK, and our own services on the loopback interface.
 */
export interface Runtime {
  /** The API. */
  readonly url: string;
  readonly plan: Plan;
  readonly data: DataDirectory;
  readonly bucket: string;
  /** What comes before a queue's name in its URL. */
  readonly queueBase: string;
  /** What a client of this runtime's services finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  board(pipeline: string): Promise<Board>;
  /** Resolves when nothing is outstanding in any pipeline. */
  drained(signal?: AbortSignal): Promise<void>;
  /** Calls of AWS so far, by operation. */
  calls(): Record<string, number>;
  /** Calls so far that may have moved a token; 0 where the services are not our own. */
  writes(): number;
  /** Lets the stages of a pipeline begin their next invocations with the code as it is now. */
  reload(pipeline: string): Promise<void>;
  /** Lets the invocations under way end, then closes everything. Nothing that is waiting is lost. */
  stop(): Promise<void>;
}

export interface RuntimeOptions {
  readonly plan: Plan;
  /** Where state is kept. */
  readonly data: string;
  /** Of the API; 0 is any free one. */
  readonly port: number;
  /** Receives what users should see: warnings, and what functions print. */
  readonly say: (message: string) => void;
  /** Told of every call of AWS, before it is carried out. */
  readonly onCall?: OnCall;
}

const BUCKET = "millrace";
const DRAIN_POLL_MS = 100;
/** What the board asks, and what goes on while nothing happens. */
const READS = new Set([
  "Query",
  "GetItem",
  "GetQueueAttributes",
  "ReceiveMessage",
  "ListObjectsV2",
  "readNamespacedJob",
  "listNamespacedJob",
  "listNamespacedPod",
  "listNamespacedEvent",
]);

export async function startRuntime({ plan, data, port, say, onCall }: RuntimeOptions): Promise<Runtime> {
  const directory = openDataDirectory(resolve(data));
  let services: Services | undefined;
  try {
    const { promise: provisioned, resolve: setProvisioned } =
      Promise.withResolvers<(event: ObjectCreated) => Promise<void>>();
    const cluster = clusterNeeds(plan, directory);
    services = await startServices(directory, {
      onObjectCreated: async (event) => (await provisioned)(event),
      ...(onCall && { onCall }),
      ...(cluster && { cluster }),
    });
    const sqs = sqsClient(services.env);
    const { env } = services;
    const [queues] = await Promise.all([
      reaching("SQS", env, provisionQueues(sqs, plan)),
      reaching("DYNAMODB", env, provisionTable(dynamoDbClient(env), plan.table)),
      reaching("S3", env, provisionBucket(s3Client(env), BUCKET)),
    ]);
    await refuseStranded(sqs, plan);
    writeFileSync(directory.plan, JSON.stringify(plan));
    keepKeyRing(directory.keys);
    setProvisioned((event) => forward(event, plan, sqs, queues.urlBase));
    return await run({ plan, port, say, directory, services, queues });
  } catch (error) {
    await services?.close();
    directory.release();
    throw error;
  }
}

/** @throws MillraceError naming the service, when it was named by the user and does not answer */
async function reaching<T>(service: string, env: Services["env"], work: Promise<T>): Promise<T> {
  return work.catch((cause: Error) => {
    const variable = `AWS_ENDPOINT_URL_${service}`;
    if (!process.env[variable]) throw cause;
    throw new MillraceError(
      "service-unreachable",
      `${variable}=${env[variable]} does not do what it should: ${cause.message}`,
      {
        hint: "start that service, or unset the variable to use our own",
        cause,
      },
    );
  });
}

interface Parts extends Pick<RuntimeOptions, "plan" | "port" | "say"> {
  readonly directory: DataDirectory;
  readonly services: Services;
  readonly queues: { urlBase: string; arnBase: string };
}

async function run({ plan, port, say, directory, services, queues }: Parts): Promise<Runtime> {
  const sqs = sqsClient(services.env);
  const queries = jobQueries(documentClient(services.env), plan.table);
  const stopping = new AbortController();
  const logs = functionLogs(directory.logs, say);
  const surroundings = {
    env: {
      ...services.env,
      MILLRACE_PLAN: directory.plan,
      MILLRACE_QUEUE_BASE: queues.urlBase,
      MILLRACE_BUCKET: BUCKET,
      MILLRACE_SECRETS: directory.secrets,
      MILLRACE_KEYS: directory.keys,
    },
    queues,
    onLine: logs.write,
    say,
  };
  // First, because it is what can fail: nothing runs yet that would have to be stopped.
  const api = requestFunction("api", plan.api, surroundings);
  const callback = requestFunction("callback", plan.callback, surroundings);
  const invoke = (event: APIGatewayProxyEventV2): Promise<unknown> =>
    (isCallback(event.requestContext.http.method, event.rawPath) ? callback : api).invoke(event);
  const { bus } = services;
  const streams = bus && { [EVENTS_PATH]: streamEvents(bus) };
  const archivers = plan.pipelines.filter((pipeline) => pipeline.archive);
  const due = (
    await Promise.all(archivers.map(({ id }) => queries.list(id, { limit: Number.POSITIVE_INFINITY })))
  ).flat();
  const gateway: Gateway = await whereItWas(port, directory, (at) => startGateway(at, invoke, say, streams));
  const archive = requestFunction("archive", plan.archive, surroundings);
  const archiving = archiveEvents(bus, (event) => archive.invoke(event), { due, say });
  const clusterEnv = { ...inCluster(), MILLRACE_API_URL: gateway.url, ...services.clusterEnv };
  const functions = startPlanFunctions(plan, { ...surroundings, clusterEnv });
  const sweepEnv = { ...surroundings.env, ...clusterEnv };
  const sweep =
    plan.sweep && requestFunction("sweep", plan.sweep.function, { ...surroundings, env: sweepEnv });
  const sweeping = sweep && runSweeps(sweep, stopping.signal, say);
  const poll = services.isForeignBucket
    ? bucketPoll(s3Client(services.env), BUCKET, plan, (event) => forward(event, plan, sqs, queues.urlBase))
    : undefined;
  const polling = poll?.run(stopping.signal, say);

  const countsOf = (pipeline: PipelinePlan): Promise<Map<string, QueueCounts>> =>
    queueCounts(sqs, queues.urlBase, queuesOf(pipeline));
  const boardOf = async (pipeline: PipelinePlan): Promise<Board> => {
    const counts = await countsOf(pipeline);
    const [arrivals, rows] = await Promise.all([
      queries.arrivals(pipeline.id),
      queries.summaries(pipeline.id),
    ]);
    return makeBoard(
      pipeline,
      tally(
        arrivals.map(({ token }) => token),
        rows,
      ),
      counts,
    );
  };
  const writes = (): number =>
    Object.entries(services.calls())
      .filter(([operation]) => !READS.has(operation))
      .reduce((sum, [, count]) => sum + count, 0);
  const movement: Movement = {
    pendingEvents: () => services.pendingEvents() + archiving.underWay(),
    counts: async () =>
      (await Promise.all(plan.pipelines.map(countsOf))).flatMap((each) => [...each.values()]),
    writes,
  };

  return {
    url: gateway.url,
    plan,
    data: directory,
    bucket: BUCKET,
    queueBase: queues.urlBase,
    env: services.env,
    board: async (id) => {
      const pipeline = plan.pipelines.find((candidate) => candidate.id === id);
      if (!pipeline) throw new Error(`there is no pipeline "${id}"`);
      return boardOf(pipeline);
    },
    drained: async (signal) => {
      do {
        while (!(await isStill(movement))) await sleep(systemClock, DRAIN_POLL_MS, signal);
      } while (poll && (await poll.look()) > 0);
    },
    calls: services.calls,
    writes,
    reload: functions.reload,
    stop: async () => {
      await gateway.close();
      stopping.abort(new Error("the runtime is stopping"));
      await Promise.all([functions.drain(), polling, sweeping]);
      await archiving.drain();
      const requested = [api, callback, archive, ...(sweep ? [sweep] : [])];
      await Promise.all([functions.close(), ...requested.map((each) => each.close())]);
      await services.close();
      await logs.close();
      directory.release();
    },
  };
}
