import { Stack, Validations } from "aws-cdk-lib";
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Permission } from "./permission.ts";

/** A function's role, with exactly these permissions; nothing else in the app can add to them. */
export function functionRole(scope: Construct, id: string, permissions: readonly Permission[]): Role {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    inlinePolicies: { may: new PolicyDocument({ statements: permissions.map(statementOf) }) },
  });
  for (const { resources, wildcard } of permissions) {
    if (wildcard === undefined) continue;
    // Each by itself: cdk-nag still finds a wildcard that nobody has given a reason for.
    for (const resource of resources) {
      const id = `AwsSolutions::AwsSolutions-IAM5[Resource::${written(scope, resource)}]`;
      Validations.of(role).acknowledge({ id, reason: `A wildcard means ${wildcard}` });
    }
  }
  return role;
}

const statementOf = ({ actions, resources, partitions }: Permission): PolicyStatement =>
  new PolicyStatement({
    effect: Effect.ALLOW,
    actions: [...actions],
    resources: [...resources],
    ...(partitions && {
      conditions: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": [...partitions] } },
    }),
  });

/** As cdk-nag writes it: `<AWS::Region>` stands for what CloudFormation will put there. */
function written(scope: Construct, resource: string): string {
  const resolved: unknown = Stack.of(scope).resolve(resource);
  if (typeof resolved === "string") return resolved;
  const [, parts] = (resolved as { "Fn::Join": [string, (string | { Ref: string })[]] })["Fn::Join"];
  return parts.map((part) => (typeof part === "string" ? part : `<${part.Ref}>`)).join("");
}
