import type { GatewayResult } from "../../../lib/api/respond.ts";
import { BucketModel } from "../services/bucket.ts";
import { ClusterModel } from "../services/cluster.ts";
import { QueueModel } from "../services/queues.ts";
import type { Services } from "../services/services.ts";
import { SlotModel } from "../services/slots.ts";
import { TableModel } from "../services/table.ts";
import { clusterWitness } from "../witness/cluster-witness.ts";
import { CrashCharges } from "../witness/crash-charges.ts";
import { CrashPoints } from "../witness/crash-points.ts";
import { Custody } from "../witness/custody.ts";
import { apiWitness, batchWitness } from "../witness/invocation-witness.ts";
import { MessageWitness } from "../witness/message-witness.ts";
import { objectWitness } from "../witness/object-witness.ts";
import { type AttemptListener, RowWitness } from "../witness/row-witness.ts";
import { jobIdOf, type Truth } from "../witness/truth.ts";
import { apiFunction } from "../world/api-function.ts";
import { EventSource } from "../world/event-source.ts";
import { type ApiCall, ingestFunction, stageFunction } from "../world/functions.ts";
import { type FunctionSettings, LambdaFunction } from "../world/lambda.ts";
import { callbackFunction, dispatchFunction, sweepFunction } from "../world/lasting-functions.ts";
import type { World } from "../world/world.ts";
import { drawOutages, hazardsIn } from "./hazards.ts";
import { isLastingStage, PIPELINE, PLAN, QUEUES, type StageName } from "./pipeline.ts";
import { definitionsWith } from "./stages.ts";
import { sweepNowAndThen } from "./sweeps.ts";
import type { CallApi } from "./traffic.ts";

/** Services, functions and event sources of the scenario's plan, as a deployment makes them. */
export function deploy(
  world: World,
  truth: Truth,
  poisonRate: number,
  attempts: AttemptListener,
): { services: Services; callApi: CallApi; callBack: CallApi } {
  const crashPoints = new CrashPoints(truth, world.probes);
  const charges = new CrashCharges();
  const bucket = new BucketModel(world.prng.chance(0.5), world, objectWitness(world, truth, crashPoints));
  const messages = new MessageWitness(world, truth, crashPoints);
  const queues = new QueueModel(QUEUES, world, messages);
  const custody = new Custody(truth, queues);
  messages.custody = custody;
  const table = new TableModel(
    world,
    new RowWitness(world, truth, crashPoints, charges, bucket, custody, attempts),
  );
  const slots = new SlotModel();
  const cluster = new ClusterModel(world, clusterWitness(truth));
  const services: Services = { queues, table, bucket, cluster, slots };
  const invocations = batchWitness(world, truth, crashPoints, charges);

  const hazards = {
    poisonRate,
    outages: drawOutages(world),
    ran: (stage: StageName, token: string) => {
      const known = truth.tokens.get(token);
      if (!known) truth.violate(`${stage} was run for a token that nobody put out: ${token}`);
      else truth.job(jobIdOf(known)).runs += 1;
    },
  };
  for (const stage of PIPELINE.stages) {
    const settings = isLastingStage(stage.name)
      ? dispatchFunction(PLAN, PIPELINE, stage, services, world)
      : stageFunction(
          PIPELINE,
          stage,
          (sandbox) => definitionsWith(hazardsIn(sandbox, world, hazards))[stage.name as StageName],
          services,
          world,
        );
    const target = new LambdaFunction(settings, world, invocations);
    const batchSize = stage.function?.batchSize ?? 1;
    for (const edge of PIPELINE.edges.filter(({ to }) => to === stage.name)) {
      consume(edge.queue.name, batchSize, target);
      consume(edge.queue.dead.name, DEAD_BATCH, target);
    }
  }
  const ingest = new LambdaFunction(ingestFunction(PIPELINE, services, world), world, invocations);
  consume(PIPELINE.intake.name, PIPELINE.ingest.batchSize, ingest);
  consume(PIPELINE.intake.dead.name, DEAD_BATCH, ingest);

  function consume(queue: string, batchSize: number, target: ConstructorParameters<typeof EventSource>[2]) {
    new EventSource({ queue, batchSize, concurrency: CONCURRENCY }, queues, target, world);
  }

  sweepNowAndThen(new LambdaFunction(sweepFunction(PLAN, services, world), world), services, world);

  function gateway(settings: FunctionSettings<ApiCall, GatewayResult>): CallApi {
    const target = new LambdaFunction(settings, world, apiWitness(truth, crashPoints));
    return (call) =>
      new Promise((resolve) => {
        target.invoke(call, (ending) => {
          const { statusCode: status, body } = ending.kind === "answered" ? ending.answer : DIED;
          resolve({ status, body: JSON.parse(body) });
        });
      });
  }

  return {
    services,
    callApi: gateway(apiFunction(PLAN, services, world)),
    callBack: gateway(callbackFunction(PLAN, services, world)),
  };
}

/** What comes out of a dead-letter queue comes alone. */
const DEAD_BATCH = 1;
const CONCURRENCY = 2;

/** What a gateway answers for a function that died. */
const DIED = { statusCode: 502, body: "{}" };
