import { Duration, RemovalPolicy, Validations } from "aws-cdk-lib";
import { AttributeType, Billing, ProjectionType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { DEAD_INDEX } from "../../lib/job/keys.ts";
import { OUTPUT_PREFIX } from "../../lib/plan/names.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { deployedBucket } from "./arns.ts";
import type { Options } from "./options.ts";

/** The jobs, and what arrived. */
export function jobTable(scope: Construct, plan: Plan, { disposable }: Options): TableV2 {
  const text = (name: string) => ({ name, type: AttributeType.STRING });
  return new TableV2(scope, "Jobs", {
    tableName: plan.table,
    partitionKey: text("pk"),
    sortKey: text("sk"),
    billing: Billing.onDemand(),
    encryption: TableEncryptionV2.dynamoOwnedKey(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: !disposable,
    removalPolicy: disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    timeToLiveAttribute: "expiresAt",
    globalSecondaryIndexes: [
      {
        indexName: DEAD_INDEX.name,
        partitionKey: text(DEAD_INDEX.hash),
        sortKey: text(DEAD_INDEX.range),
        projectionType: ProjectionType.ALL,
      },
    ],
  });
}

/**
 * Objects of all pipelines. They are kept, unless the deployment says otherwise: a token in the error bucket may need the
 * outputs that it refers to at any time.
 */
export function objectBucket(scope: Construct, plan: Plan, { disposable, outputDays }: Options): Bucket {
  const bucket = new Bucket(scope, "Objects", {
    bucketName: deployedBucket(plan.app),
    versioned: true,
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    removalPolicy: disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    lifecycleRules: [
      { id: "unfinished", abortIncompleteMultipartUploadAfter: Duration.days(7) },
      { id: "replaced", noncurrentVersionExpiration: Duration.days(30) },
      ...(outputDays === undefined
        ? []
        : [{ id: "outputs", prefix: OUTPUT_PREFIX, expiration: Duration.days(outputDays) }]),
    ],
  });
  // CloudFormation can by itself; `eventBridgeEnabled` would add a function and a role to do it.
  const resource = bucket.node.defaultChild;
  if (resource instanceof CfnBucket) {
    resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
  }
  Validations.of(bucket).acknowledge({
    id: "AwsSolutions::AwsSolutions-S1",
    reason:
      "What functions read and write is on the jobs' rows; an account that needs more turns on CloudTrail's data events",
  });
  return bucket;
}
