import { CfnEventBus, CfnRule } from "aws-cdk-lib/aws-events";
import { CfnPermission, type IFunction } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { ARCHIVE_STATES } from "../../lib/archive/state-changed.ts";
import { EVENT_SOURCE, STATE_CHANGED } from "../../lib/job/announce.ts";
import { eventBusName } from "../../lib/plan/names.ts";
import type { Plan } from "../../lib/plan/plan.ts";

/** The bus on which changes of lasting jobs' states are announced, to the archive and to whoever else listens. */
export function announcements(scope: Construct, { app }: Plan, archive: IFunction): void {
  const bus = new CfnEventBus(scope, "Bus", { name: eventBusName(app) });
  const rule = new CfnRule(scope, "ArchiveRule", {
    description: "Jobs that have something to be indexed",
    eventBusName: bus.ref,
    eventPattern: {
      source: [EVENT_SOURCE],
      "detail-type": [STATE_CHANGED],
      detail: { to: [...ARCHIVE_STATES] },
    },
    targets: [{ id: "archive", arn: archive.functionArn }],
  });
  new CfnPermission(scope, "ArchivePermission", {
    action: "lambda:InvokeFunction",
    functionName: archive.functionName,
    principal: "events.amazonaws.com",
    sourceArn: rule.attrArn,
  });
}
