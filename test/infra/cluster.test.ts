import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { resourcesOf, type Template } from "../../infra/aws/template.ts";
import { ImageEnv, readEnv, SweepEnv } from "../../lib/env.ts";
import { factsOf } from "./facts.ts";
import { functionRoles, may } from "./iam.ts";
import { EXAMPLES, planOf } from "./plans.ts";
import { resolved, synthesized } from "./stacks.ts";

const HEAVY = `
id: pages
inputs: { in: { to: draw, s3: { prefix: pages/ } } }
stages:
  draw: { image: example.org/draw:1 }
  bind: { handler: ./bind.ts }
edges: [{ from: draw, to: bind }]
`;
const EXISTING = {
  cluster: "shared",
  clusterEndpoint: "https://abc.gr7.eu-west-1.eks.amazonaws.com",
  clusterCa: "LS0t",
  agentImage: "example.org/agent:1",
};

const ofType = (templates: ReadonlyMap<string, Template>, pattern: RegExp): string[] =>
  [...templates.values()].flatMap(({ Resources }) =>
    Object.values(Resources).flatMap(({ Type }) => (pattern.test(Type) ? [Type] : [])),
  );

test("without a heavy stage there is nothing of a cluster, whatever the options say", () => {
  const templates = synthesized(planOf(...EXAMPLES), { ...EXISTING, cluster: "shared" });
  expect(ofType(templates, /EKS|EC2|Scheduler/)).toEqual([]);
  expect([...templates.keys()].sort()).toEqual(["millrace-PLATFORM", "millrace-bells", "millrace-books"]);
});

test("with one, the functions that need it get into the cluster, as members of one group", () => {
  const templates = synthesized(planOf(HEAVY), EXISTING);
  const entries = [...templates.values()].flatMap((template) =>
    resourcesOf(template, "AWS::EKS::AccessEntry").map(([, { Properties }]) => {
      const [[, owner] = []] = resourcesOf(template, "AWS::Lambda::Function").filter(
        ([, fn]) => resolved(fn.Properties.Role) === resolved(Properties.PrincipalArn),
      );
      return [
        owner?.Properties.FunctionName,
        Properties.ClusterName,
        Properties.KubernetesGroups,
        Properties.AccessPolicies,
      ];
    }),
  );
  expect(entries.sort()).toEqual([
    ["millrace_SWEEP", "shared", ["millrace"], undefined],
    ["millrace_pages_draw", "shared", ["millrace"], undefined],
  ]);
  const { functions } = factsOf(templates.values());
  const reach = { MILLRACE_NAMESPACE: "millrace", MILLRACE_AGENT_IMAGE: "example.org/agent:1" };
  // The API's URL is known when it is deployed.
  const withUrl = (env: Record<string, string> = {}) => ({
    ...env,
    MILLRACE_API_URL: "https://api.example.org",
  });
  expect(readEnv(ImageEnv, withUrl(functions["millrace_pages_draw"]?.env))).toMatchObject(reach);
  expect(readEnv(SweepEnv, withUrl(functions["millrace_SWEEP"]?.env))).toMatchObject(reach);
  expect(functions["millrace_pages_draw"]?.env).toMatchObject({
    MILLRACE_CLUSTER: "shared",
    MILLRACE_CLUSTER_ENDPOINT: "https://abc.gr7.eu-west-1.eks.amazonaws.com",
    MILLRACE_CLUSTER_CA: "LS0t",
  });
  expect(functions["millrace_pages_bind"]?.env["MILLRACE_CLUSTER"]).toBeUndefined();
});

test("the sweep is called every minute, and nobody else may be called by that schedule", () => {
  const platform = synthesized(planOf(HEAVY), EXISTING).get("millrace-PLATFORM")!;
  const [[, schedule] = []] = resourcesOf(platform, "AWS::Scheduler::Schedule");
  expect(schedule?.Properties).toMatchObject({ ScheduleExpression: "rate(1 minute)" });
  const role = platform.Resources[String(resolved(schedule?.Properties.Target.RoleArn))];
  const target = resolved(schedule?.Properties.Target.Arn);
  expect(resolved(role?.Properties.AssumeRolePolicyDocument.Statement)).toEqual([
    {
      Action: "sts:AssumeRole",
      Effect: "Allow",
      Principal: { Service: "scheduler.amazonaws.com" },
      Condition: { StringEquals: { "aws:SourceAccount": "111122223333" } },
    },
  ]);
  expect(resolved(role?.Properties.Policies[0].PolicyDocument.Statement)).toEqual([
    { Effect: "Allow", Action: "lambda:InvokeFunction", Resource: target },
  ]);
});

test("what starts and looks after pods reads no input and no other pipeline's rows", () => {
  const roles = functionRoles(synthesized(planOf(HEAVY, ...EXAMPLES), EXISTING).values());
  const table = "arn:aws:dynamodb:eu-west-1:111122223333:table/millrace-jobs";
  const objects = "arn:aws:s3:::millrace-111122223333-eu-west-1";
  const draw = roles.get("millrace_pages_draw");
  const sweep = roles.get("millrace_SWEEP");
  expect(may(draw, "dynamodb:UpdateItem", table, "S#cluster")).toBe(true);
  expect(may(draw, "dynamodb:UpdateItem", table, "J#books#1")).toBe(false);
  expect(may(sweep, "dynamodb:UpdateItem", table, "J#books#1")).toBe(false);
  expect(may(sweep, "sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:111122223333:millrace_pages__draw")).toBe(
    false,
  );
  expect(may(draw, "s3:GetObject", `${objects}/pages/1.txt`)).toBe(false);
  expect(may(draw, "s3:GetObject", `${objects}/out/pages/bind/t/1/1.txt`)).toBe(false);
  // A token's data, when it is too large for a message, is given to the pod.
  expect(may(draw, "s3:GetObject", `${objects}/out/pages/bind/t/1/_payload-00.json`)).toBe(true);
  expect(may(draw, "s3:GetObject", `${objects}/out/pages/_arrivals/t/00.json`)).toBe(true);
  expect(may(draw, "s3:PutObject", `${objects}/out/pages/draw/t/1/pod/a.txt`)).toBe(false);
  // It signs the URLs by which pods fetch their input.
  for (const input of ["pages/1.txt", "results/pages/1.txt", "out/pages/draw/t/1/pod/a.txt"])
    expect(may(roles.get("millrace_CALLBACK"), "s3:GetObject", `${objects}/${input}`), input).toBe(true);
});

test("the agent's image is built when nobody has pushed one", () => {
  const { functions } = factsOf(synthesized(planOf(HEAVY), { ...EXISTING, agentImage: undefined }).values());
  expect(functions["millrace_pages_draw"]?.env["MILLRACE_AGENT_IMAGE"]).toEqual({
    "Fn::Sub": expect.stringMatching(
      /^\$\{AWS::AccountId\}\.dkr\.ecr\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}\/cdk-hnb659fds-container-assets-\$\{AWS::AccountId\}-\$\{AWS::Region\}:[0-9a-f]{64}$/,
    ),
  });
});

test("the rules that pods may break are those that the deployment allows, where pods are made", () => {
  const { functions } = factsOf(
    synthesized(planOf(HEAVY), { ...EXISTING, podAllow: "root,profiles" }).values(),
  );
  const allowed = Object.entries(functions).flatMap(([name, { env }]) =>
    env["MILLRACE_POD_ALLOW"] === undefined ? [] : [[name, env["MILLRACE_POD_ALLOW"]]],
  );
  expect(allowed.sort()).toEqual([
    ["millrace_SWEEP", "root,profiles"],
    ["millrace_pages_draw", "root,profiles"],
  ]);
});

test("the whole way to the cluster must be said", () => {
  expect(() => synthesized(planOf(HEAVY), { ...EXISTING, clusterCa: undefined })).toThrow(
    'the stage "draw" of "pages" runs in a cluster, and nothing says which',
  );
});

test("a new cluster is a stack of its own", () => {
  const templates = synthesized(planOf(HEAVY), { newCluster: true, agentImage: "example.org/agent:1" });
  const [[, cluster] = []] = resourcesOf(templates.get("millrace-CLUSTER")!, "AWS::EKS::Cluster");
  expect(cluster?.Properties).toMatchObject({
    Name: "millrace",
    ComputeConfig: { Enabled: true },
    AccessConfig: { AuthenticationMode: "API" },
  });
  expect(ofType(templates, /AWS::EKS::AccessEntry/).length).toBeGreaterThanOrEqual(2);
});

test("the rights that are shipped are those that the functions use, in one namespace", () => {
  const file = join(import.meta.dirname, "../../infra/kubernetes/millrace.yaml");
  const objects = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS());
  expect(objects.map(({ kind }) => kind)).toEqual([
    "Namespace",
    "Role",
    "RoleBinding",
    "ServiceAccount",
    "ResourceQuota",
    "NetworkPolicy",
  ]);
  const [namespace, role, binding] = objects;
  expect(namespace.metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  expect(role.rules).toEqual([
    { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "get", "list", "delete"] },
    { apiGroups: [""], resources: ["pods", "pods/log", "events"], verbs: ["get", "list"] },
  ]);
  expect(binding.subjects).toEqual([
    { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "millrace" },
  ]);
  expect(objects.slice(1).map(({ metadata }) => metadata.namespace)).toEqual(Array(5).fill("millrace"));
});
