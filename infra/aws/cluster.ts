import { type App, Stack, Validations } from "aws-cdk-lib";
import { Vpc } from "aws-cdk-lib/aws-ec2";
import { CfnAccessEntry, Cluster, ClusterLoggingTypes, KubernetesVersion } from "aws-cdk-lib/aws-eks-v2";
import type { IRole } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { MillraceError } from "../../lib/errors.ts";
import { clusterStackName } from "../../lib/plan/names.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { Options } from "./options.ts";

/** The group of Kubernetes that `infra/kubernetes/millrace.yaml` gives its rights to. */
const GROUP = "millrace";

/** The way to the cluster, for functions that need it. */
export interface ClusterAccess {
  /** What they find in their environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Lets a function's role in, with the rights of the group and no other. */
  admit(scope: Construct, role: IRole): void;
}

/**
 * Undefined when no stage of the plan runs in a cluster: then there is nothing of it anywhere.
 *
 * @throws MillraceError naming a stage, when nothing says which cluster it runs in
 */
export function clusterAccess(app: App, plan: Plan, options: Options): ClusterAccess | undefined {
  if (!plan.sweep) return undefined;
  const place = placeOf(app, plan, options);
  if (!place) throw missing(plan);
  return {
    variables: {
      MILLRACE_CLUSTER: place.name,
      MILLRACE_CLUSTER_ENDPOINT: place.endpoint,
      MILLRACE_CLUSTER_CA: place.ca,
      MILLRACE_NAMESPACE: plan.app,
      // A pod is judged when it is made, too: by the rules that its definition was checked by.
      ...(options.podAllow !== undefined && { MILLRACE_POD_ALLOW: options.podAllow }),
    },
    admit: (scope, role) => {
      new CfnAccessEntry(scope, "ClusterAccess", {
        clusterName: place.name,
        principalArn: role.roleArn,
        kubernetesGroups: [GROUP],
        type: "STANDARD",
      });
    },
  };
}

interface Place {
  readonly name: string;
  readonly endpoint: string;
  readonly ca: string;
}

function placeOf(app: App, plan: Plan, options: Options): Place | undefined {
  const { cluster, clusterEndpoint, clusterCa, newCluster } = options;
  if (newCluster) return newPlace(app, plan);
  if (cluster === undefined || clusterEndpoint === undefined || clusterCa === undefined) return undefined;
  return { name: cluster, endpoint: clusterEndpoint, ca: clusterCa };
}

/** docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html, and of the machines' role beside it. */
const MANAGED = [
  "AmazonEKSClusterPolicy",
  "AmazonEKSComputePolicy",
  "AmazonEKSBlockStoragePolicy",
  "AmazonEKSLoadBalancingPolicy",
  "AmazonEKSNetworkingPolicy",
  "AmazonEKSWorkerNodePolicy",
  "AmazonEC2ContainerRegistryReadOnly",
];

/** A cluster whose machines EKS looks after (Auto Mode), in a network of its own. */
function newPlace(app: App, { app: name }: Plan): Place {
  const stackName = clusterStackName(name);
  const stack = new Stack(app, stackName, { stackName, description: "Millrace: a cluster for heavy stages" });
  const vpc = new Vpc(stack, "Network", { maxAzs: 2, natGateways: 1 });
  const cluster = new Cluster(stack, "Cluster", {
    clusterName: name,
    version: KubernetesVersion.V1_34,
    vpc,
    clusterLogging: [ClusterLoggingTypes.AUDIT, ClusterLoggingTypes.AUTHENTICATOR],
  });
  Validations.of(stack).acknowledge(
    {
      id: "AwsSolutions::AwsSolutions-VPC7",
      reason:
        "Flow logs are the account's decision: they cost by the gigabyte, and this network is the pods' alone",
    },
    {
      id: "AwsSolutions::AwsSolutions-EKS1",
      reason:
        "Functions reach the API server from outside of the network; who may is decided by access entries",
    },
    ...MANAGED.map((name) => ({
      id: `AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`,
      reason: "What EKS asks for its own roles; AWS keeps it in step with Auto Mode",
    })),
  );
  return {
    name: cluster.clusterName,
    endpoint: cluster.clusterEndpoint,
    ca: cluster.clusterCertificateAuthorityData,
  };
}

const CLUSTER_HINT =
  "name one that exists: -c cluster=NAME -c clusterEndpoint=URL -c clusterCa=BASE64 (aws eks describe-cluster --name NAME tells them); or make one: -c newCluster=true; or deploy other pipelines: -c pipelines=FOLDER";

function missing(plan: Plan): MillraceError {
  const [found] = plan.pipelines.flatMap(({ id, stages }) =>
    stages.filter(({ work }) => work.kind === "image").map(({ name }) => ({ id, name })),
  );
  const message = `the stage "${found?.name}" of "${found?.id}" runs in a cluster, and nothing says which`;
  return new MillraceError("no-cluster", message, { hint: CLUSTER_HINT });
}
