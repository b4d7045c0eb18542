import { DEAD_ROUTES } from "./dead-routes.ts";
import { FILE_ROUTES } from "./file-routes.ts";
import { ok } from "./http.ts";
import { JOB_ROUTES } from "./job-routes.ts";
import { OPERATOR_ROUTES } from "./operator-routes.ts";
import { PIPELINE_ROUTES } from "./pipeline-routes.ts";
import type { LastingApiDependencies, Route } from "./route.ts";
import { TOKEN_ROUTES } from "./token-routes.ts";

/** The HTTP API: version 1, but for what is called by key (`callback-routes.ts`). Both realisers of a plan serve exactly these. */
export const ROUTES: readonly Route<LastingApiDependencies>[] = [
  {
    method: "GET",
    path: "/",
    does: "this list",
    handle: async () =>
      ok({ name: "millrace", routes: ROUTES.map(({ method, path, does }) => ({ method, path, does })) }),
  },
  ...PIPELINE_ROUTES,
  ...TOKEN_ROUTES,
  ...JOB_ROUTES,
  ...FILE_ROUTES,
  ...OPERATOR_ROUTES,
  ...DEAD_ROUTES,
];
