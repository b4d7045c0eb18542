import { createWriteStream, mkdirSync, type WriteStream, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { type Board, makeBoard, type QueueCounts } from "../../lib/board/board.ts";
import { tally } from "../../lib/board/tally.ts";
import { documentClient, dynamoDbClient, pollingClient, s3Client, sqsClient } from "../../lib/clients.aws.ts";
import { sleep, systemClock } from "../../lib/clock.ts";
import { MillraceError } from "../../lib/errors.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import type { PipelinePlan, Plan, QueuePlan, StagePlan } from "../../lib/plan/plan.ts";
import { queueCounts, queuesOf } from "../../lib/queue/counts.aws.ts";
import { forward } from "./bucket-events.ts";
import { bucketPoll } from "./bucket-poll.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory.ts";
import type { OnCall } from "./emulator.ts";
import { type EventSource, LONG_POLL_SECONDS, runEventSource } from "./event-source.ts";
import { FunctionHost } from "./function-host.ts";
import { FunctionPool } from "./function-pool.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { provisionBucket, provisionQueues, provisionTable, refuseStranded } from "./provision.ts";
import type { ObjectCreated } from "./s3/server.ts";
import { type Services, startServices } from "./services.ts";

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
/** Environments of one function at once: more would only share the cores. */
const ENVIRONMENTS = Math.max(1, Math.min(4, availableParallelism()));
const DRAIN_POLL_MS = 100;
/** What the board asks, and what goes on while nothing happens. */
const READS = new Set(["Query", "GetItem", "GetQueueAttributes", "ReceiveMessage", "ListObjectsV2"]);

export async function startRuntime({ plan, data, port, say, onCall }: RuntimeOptions): Promise<Runtime> {
  const directory = openDataDirectory(resolve(data));
  let services: Services | undefined;
  try {
    const { promise: provisioned, resolve: setProvisioned } =
      Promise.withResolvers<(event: ObjectCreated) => Promise<void>>();
    services = await startServices(directory, {
      onObjectCreated: async (event) => (await provisioned)(event),
      ...(onCall && { onCall }),
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
  const poller = pollingClient(services.env, LONG_POLL_SECONDS * 1000);
  const queries = jobQueries(documentClient(services.env), plan.table);
  const stopping = new AbortController();
  const logs = functionLogs(directory.logs, say);
  const env = {
    ...systemVariables(),
    ...services.env,
    MILLRACE_PLAN: directory.plan,
    MILLRACE_QUEUE_BASE: queues.urlBase,
    MILLRACE_BUCKET: BUCKET,
    MILLRACE_SECRETS: directory.secrets,
  };
  // First, because it is what can fail: nothing runs yet that would have to be stopped.
  const api = new FunctionHost({ plan: plan.api, module: functionFile("api"), env }, logs.write);
  const gateway: Gateway = await startGateway(port, (event) => api.invoke(event), say);
  const poolOptions = { onLine: logs.write, limit: ENVIRONMENTS, stop: stopping.signal };
  const poll = services.isForeignBucket
    ? bucketPoll(s3Client(services.env), BUCKET, plan, (event) => forward(event, plan, sqs, queues.urlBase))
    : undefined;
  const pools: { pipeline: string; pool: FunctionPool }[] = [];
  const sources: Promise<void>[] = [];

  const listen = (pool: FunctionPool, queue: QueuePlan, batchSize: number): void => {
    for (const [name, size] of [
      [queue.name, batchSize],
      [queue.dead.name, 1],
    ] as const) {
      const source: EventSource = {
        queueUrl: queues.urlBase + name,
        queueArn: queues.arnBase + name,
        batchSize: size,
        region: services.env["AWS_REGION"] ?? "us-east-1",
        invoke: pool,
        say,
      };
      sources.push(runEventSource(poller, source, stopping.signal));
    }
  };

  for (const pipeline of plan.pipelines) {
    const ingestEnv = { ...env, MILLRACE_PIPELINE: pipeline.id };
    const ingest = new FunctionPool(
      { plan: pipeline.ingest, module: functionFile("ingest"), env: ingestEnv },
      poolOptions,
    );
    pools.push({ pipeline: pipeline.id, pool: ingest });
    listen(ingest, pipeline.intake, pipeline.ingest.batchSize);
    for (const stage of pipeline.stages) {
      const pool = stagePool(pipeline, stage, env, poolOptions);
      pools.push({ pipeline: pipeline.id, pool });
      for (const edge of pipeline.edges)
        if (edge.to === stage.name) listen(pool, edge.queue, stage.function?.batchSize ?? 1);
    }
  }
  if (poll) sources.push(poll.run(stopping.signal, say));

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
  const isDrained = async (): Promise<boolean> => {
    if (services.pendingEvents() > 0) return false;
    const counts = await Promise.all(plan.pipelines.map(countsOf));
    return counts.every((each) =>
      [...each.values()].every(({ waiting, claimed }) => waiting + claimed === 0),
    );
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
        while (!(await isDrained())) await sleep(systemClock, DRAIN_POLL_MS, signal);
      } while (poll && (await poll.look()) > 0);
    },
    calls: services.calls,
    writes: () =>
      Object.entries(services.calls())
        .filter(([operation]) => !READS.has(operation))
        .reduce((sum, [, count]) => sum + count, 0),
    reload: async (id) => {
      await Promise.all(pools.filter(({ pipeline }) => pipeline === id).map(({ pool }) => pool.reload()));
    },
    stop: async () => {
      await gateway.close();
      stopping.abort(new Error("the runtime is stopping"));
      await Promise.all(sources);
      await Promise.all([...pools.map(({ pool }) => pool), api].map((each) => each.close()));
      await services.close();
      await logs.close();
      directory.release();
    },
  };
}

const functionFile = (name: string): string => resolve(import.meta.dirname, "../../functions", `${name}.ts`);

function stagePool(
  pipeline: PipelinePlan,
  stage: StagePlan,
  env: Readonly<Record<string, string>>,
  options: ConstructorParameters<typeof FunctionPool>[1],
): FunctionPool {
  if (!stage.function) throw new Error(`the stage "${stage.name}" runs in a cluster, and there is none here`);
  const stageEnv = {
    ...env,
    ...stage.env,
    MILLRACE_PIPELINE: pipeline.id,
    MILLRACE_STAGE: stage.name,
    MILLRACE_DIRECTORY: dirname(resolve(pipeline.file)),
  };
  return new FunctionPool({ plan: stage.function, module: functionFile("stage"), env: stageEnv }, options);
}

/** What programs that a stage starts need to be found and to work; nothing else of this process's environment reaches them. */
const SYSTEM_VARIABLES = ["HOME", "LANG", "TZ", "TMPDIR"] as const;
const systemVariables = (): Record<string, string> => ({
  ...Object.fromEntries(
    SYSTEM_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ),
  // A stage that is a Node program runs on the Node that runs this.
  PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
});

/** A file for each function, as CloudWatch has a log group; what went wrong is also said at once. */
function functionLogs(folder: string, say: (message: string) => void) {
  mkdirSync(folder, { recursive: true });
  const files = new Map<string, WriteStream>();
  return {
    write: (name: string, line: string): void => {
      const file = files.get(name) ?? createWriteStream(join(folder, `${name}.log`), { flags: "a" });
      files.set(name, file);
      file.write(`${line}\n`);
      const told = worthSaying(line);
      if (told !== undefined) say(`${name}: ${told}`);
    },
    close: () => Promise.all([...files.values()].map((file) => new Promise<void>((done) => file.end(done)))),
  };
}

/** What a user should see at once of a function's log: warnings, errors, and what is no log line at all. */
function worthSaying(line: string): string | undefined {
  const entry = parsed(line);
  if (!entry) return line;
  if (entry.level !== "error" && entry.level !== "warn") return undefined;
  const about = entry.token === undefined ? "" : ` (token ${entry.token}, attempt ${entry.attempt ?? "-"})`;
  return `${entry.message.split("\n")[0]}${about}`;
}

interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly token?: string;
  readonly attempt?: number;
}

function parsed(line: string): LogEntry | undefined {
  if (!line.startsWith('{"level":')) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined;
  }
}
