import { DEAD_ROUTES } from "../../../lib/api/dead-routes.ts";
import { OPERATOR_ROUTES } from "../../../lib/api/operator-routes.ts";
import { type GatewayResult, respond } from "../../../lib/api/respond.ts";
import type { LastingApiDependencies, Route } from "../../../lib/api/route.ts";
import { TOKEN_ROUTES } from "../../../lib/api/token-routes.ts";
import { archiveStore } from "../../../lib/archive/bucket.aws.ts";
import type { FileIndex } from "../../../lib/archive/file-index.ts";
import { errorBucket } from "../../../lib/job/lasting-bucket.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { rulesOf } from "../../../lib/stage/lasting.ts";
import { BUCKET, bucketClient } from "../services/bucket-client.ts";
import type { Services } from "../services/services.ts";
import { type ApiCall, dependenciesOf, routeOf } from "./functions.ts";
import type { FunctionSettings } from "./lambda.ts";
import { KEYS, lastingDependenciesOf } from "./lasting-functions.ts";
import type { World } from "./world.ts";

/** A retry is rare and short beside the work of the stages; it is to die in the middle as often as they do. */
const API_FRAGILITY = 4;

const ROUTES: readonly Route<LastingApiDependencies>[] = [
  ...TOKEN_ROUTES,
  ...DEAD_ROUTES,
  ...OPERATOR_ROUTES,
];

/** Nobody asks for the files of jobs here. */
const NO_FILES: FileIndex = {
  list: async function* () {},
  put: async () => {},
  remove: async () => {},
};

/** The API, as far as the scenario calls it. */
export const apiFunction = (
  plan: Plan,
  services: Services,
  world: World,
): FunctionSettings<ApiCall, GatewayResult> => ({
  name: "api",
  fragility: API_FRAGILITY,
  timeoutMs: plan.api.timeoutSeconds * 1000,
  start: (sandbox) => {
    const dependencies = dependenciesOf(sandbox, services, world);
    const lasting = lastingDependenciesOf(sandbox, services, world, plan);
    const api: Omit<LastingApiDependencies, "lasting"> = {
      ...dependencies,
      plan,
      jobs: {
        ...dependencies.jobs,
        ...errorBucket(dependencies.jobs, lasting.jobs, (row) => rulesOf(row, plan)),
      },
      archive: archiveStore(bucketClient(services.bucket, sandbox, world), BUCKET),
      files: NO_FILES,
      ring: KEYS,
      randomBytes: (count) => Buffer.from(world.prng.hex(2 * count), "hex"),
      countsOf: async () => new Map(),
      uploadUrl: async () => {
        throw new Error("nobody uploads by URL here");
      },
    };
    return async (call, { getRemainingTimeInMillis }) => {
      const { route, event } = routeOf(call, ROUTES);
      const hasTime = (): boolean => getRemainingTimeInMillis() > 5000;
      return respond(route, event, { ...api, lasting: { ...lasting, hasTime } }, dependencies.log);
    };
  },
});
