import { expect, test } from "vitest";
import { queueOwner } from "../../../lib/plan/names.ts";
import { templateFacts } from "../../../lib/plan/template-facts.ts";
import { planOf, templateOf } from "./template-of.ts";

const queue = (Properties: Record<string, unknown>, Metadata?: Record<string, unknown>) => ({
  Type: "AWS::SQS::Queue",
  Properties,
  ...(Metadata && { Metadata }),
});

test("a queue's facts: whose it is by its name, its attributes or SQS's defaults", () => {
  const { queues } = templateFacts(
    {
      Resources: {
        Intake: queue({ QueueName: "millrace_p_INTAKE" }),
        Edge: queue({
          QueueName: "millrace_p_aDb_c-d",
          VisibilityTimeout: "180",
          MessageRetentionPeriod: 864_000,
          RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": ["Dead", "Arn"] }, maxReceiveCount: 8 },
        }),
        Input: queue({ QueueName: "millrace_p__a" }),
        Dead: queue({ QueueName: "millrace_p_aDb_c-d_DEAD" }),
        Foreign: queue({ QueueName: "orders", VisibilityTimeout: { Ref: "Timeout" } }),
        OtherDeployment: queue({ QueueName: "millrace2_p_INTAKE" }),
        Bucket: { Type: "AWS::S3::Bucket" },
      },
    },
    "millrace",
  );
  const defaults = { visibilitySeconds: 30, retentionSeconds: 345_600 };
  const none = { from: "", to: "", retired: false };
  expect(queues).toEqual([
    { name: "millrace_p_INTAKE", pipeline: "p", role: "intake", ...none, ...defaults },
    {
      name: "millrace_p_aDb_c-d",
      pipeline: "p",
      role: "edge",
      from: "a.b",
      to: "c-d",
      retired: false,
      visibilitySeconds: 180,
      retentionSeconds: 864_000,
      maxReceiveCount: 8,
    },
    { name: "millrace_p__a", pipeline: "p", role: "edge", from: "", to: "a", retired: false, ...defaults },
    { name: "millrace_p_aDb_c-d_DEAD", pipeline: "", role: "dead", ...none, ...defaults },
  ]);
});

test("a note beside the queue tells what a cut name does not, and that an edge is retired", () => {
  const long = "s".repeat(60);
  const plan = planOf(`
    id: p
    inputs: { in: { to: ${long} } }
    stages: { ${long}: { command: [cat] }, b: { command: [cat] } }
    edges: [{ from: ${long}, to: b }, { from: gone, to: b, retired: true }]`);
  const edges = (isNoted: boolean) =>
    templateFacts(templateOf(plan, isNoted), "millrace")
      .queues.filter(({ role }) => role === "edge" || role === "unknown")
      .map(({ role, pipeline, from, to, retired }) => [role, pipeline, from, to, retired]);
  expect(edges(true)).toEqual([
    ["edge", "p", "", long, false],
    ["edge", "p", long, "b", false],
    ["edge", "p", "gone", "b", true],
  ]);
  expect(edges(false)).toEqual([
    ["edge", "p", "", long, false],
    ["edge", "p", long, "b", false],
    ["edge", "p", "gone", "b", false],
  ]);
});

test("a name that was cut says no more than its pipeline", () => {
  const [first, second] = ["a".repeat(40), "b".repeat(40)];
  const plan = planOf(`
    id: p
    inputs: { in: { to: ${first} } }
    stages: { ${first}: { command: [cat] }, ${second}: { command: [cat] } }
    edges: [{ from: ${first}, to: ${second} }]`);
  const name = plan.pipelines[0]!.edges[1]!.queue.name;
  expect(queueOwner("millrace", name)).toEqual({ kind: "cut", pipeline: "p" });
});

test.for([
  ["millrace", undefined],
  ["millrace_", undefined],
  ["millrace_p", undefined],
  ["millrace_p_a", undefined],
  ["millrace_p_a_", undefined],
  ["millrace_p_a_b_c", undefined],
  ["other_p_a_b", undefined],
  ["millrace_p_a_b_DEAD", undefined],
  ["millrace_p_a_b", { kind: "edge", pipeline: "p", from: "a", to: "b" }],
  ["millrace_p__b", { kind: "edge", pipeline: "p", from: "", to: "b" }],
  ["millrace_p_INTAKE", { kind: "intake", pipeline: "p" }],
] as const)("%s", ([name, owner]) => {
  expect(queueOwner("millrace", name)).toEqual(owner);
});

test("queues without a plain name, and nested stacks with the files that CDK writes", () => {
  const { unnamed, nested } = templateFacts(
    {
      Resources: {
        Unnamed: queue({}),
        Joined: queue({ QueueName: { "Fn::Join": ["_", ["a", "b"]] } }),
        Chunk: {
          Type: "AWS::CloudFormation::Stack",
          Metadata: { "aws:asset:path": "x.nested.template.json" },
        },
        Other: { Type: "AWS::CloudFormation::Stack" },
      },
    },
    "millrace",
  );
  expect(unnamed).toEqual(["Unnamed", "Joined"]);
  expect(nested).toEqual([{ logicalId: "Chunk", file: "x.nested.template.json" }, { logicalId: "Other" }]);
});

test("what is no template is refused", () => {
  for (const document of [null, [], "text", {}, { Resources: { A: 1 } }])
    expect(() => templateFacts(document, "millrace")).toThrow();
});
