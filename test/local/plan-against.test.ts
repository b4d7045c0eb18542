import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { Fate } from "../../lib/plan/change.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { planOf, templateOf } from "../unit/plan/template-of.ts";
import { run } from "./millrace.ts";

/** `millrace plan --against`: from a file, from the folder of cdk synth, from a deployed stack; what it prints, how it ends. */

const stages = "stages: { a: { command: [cat] }, b: { command: [cat] }, c: { command: [cat] } }";
const definition = (id: string, edges: string): string =>
  `id: ${id}\ninputs: { in: { to: a } }\n${stages}\nedges: [${edges}]\n`;
const BEFORE = "{ from: a, to: b }, { from: b, to: c }";
const REMOVED = "{ from: a, to: b }, { from: a, to: c }";
const RETIRED = `${REMOVED}, { from: b, to: c, retired: true }`;

/** A folder of pipelines with one definition each. */
function pipelines(...texts: string[]): string {
  const folder = temporaryFolder();
  for (const [index, text] of texts.entries()) {
    mkdirSync(join(folder, `p${index}`));
    writeFileSync(join(folder, `p${index}`, "pipeline.yaml"), text);
  }
  return folder;
}

function written(name: string, content: unknown): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

interface Printed {
  ok: boolean;
  edges: { pipeline: string; edge: string; fate: Fate; tokens?: number }[];
}

async function compared(paths: readonly string[], against: string, env = {}) {
  const { code, stdout, stderr } = await run(["plan", ...paths, "--against", against, "--json"], { env });
  if (stdout === "") throw new Error(stderr);
  const { ok, edges } = JSON.parse(stdout) as Printed;
  const fates = edges
    .filter(({ fate }) => fate !== "kept")
    .map(({ pipeline, edge, fate, tokens }) => [
      pipeline,
      edge,
      fate,
      ...(tokens === undefined ? [] : [tokens]),
    ]);
  return { code, ok, fates };
}

const TEMPLATE = templateOf(planOf(definition("p", BEFORE), definition("q", BEFORE)));

test("a template: 0 when every token is seen to, 1 when one would be orphaned, 0 when that is allowed", async () => {
  const file = written("deployed.json", TEMPLATE);
  const same = pipelines(definition("p", BEFORE), definition("q", BEFORE));
  expect(await compared([same], file)).toEqual({ code: 0, ok: true, fates: [] });

  const removed = pipelines(definition("p", REMOVED), definition("q", RETIRED));
  const result = await compared([removed], file);
  expect(result).toEqual({
    code: 1,
    ok: false,
    fates: [
      ["p", "a-c", "new"],
      ["q", "a-c", "new"],
      ["q", "b-c", "drained"],
      ["p", "b-c", "orphaned"],
    ],
  });

  const text = await run(["plan", removed, "--against", file, "--allow-orphans"]);
  expect(text.code).toBe(0);
  expect(text.stdout).toContain(
    "orphaned p b-c: the edge is gone\n    keep it as { from: b, to: c, retired: true } until its queue is empty\n",
  );
  expect(text.stdout).toContain("tokens would be orphaned or deleted on 1 edge\n");
});

test("some of the pipelines are compared with their own queues only; all of them, with every queue", async () => {
  const file = written("deployed.json", TEMPLATE);
  const folder = pipelines(definition("p", BEFORE));
  expect(await compared([join(folder, "p0")], file)).toEqual({ code: 0, ok: true, fates: [] });
  expect(await compared([folder], file)).toMatchObject({
    code: 1,
    fates: [
      ["q", "intake", "orphaned"],
      ["q", "q", "orphaned"],
      ["q", "a-b", "orphaned"],
      ["q", "b-c", "orphaned"],
    ],
  });
});

test("what surrounds a template, YAML, a folder of templates, and nested ones beside their parent", async () => {
  const same = pipelines(definition("p", BEFORE), definition("q", BEFORE));
  const kept = { code: 0, ok: true, fates: [] };
  const yaml = Object.entries(TEMPLATE.Resources).map(
    ([id, resource]) => `  ${id}: ${JSON.stringify(resource)}`,
  );
  const asYaml = `Resources:\n${yaml.join("\n")}\n`;
  expect(await compared([same], written("a.json", { TemplateBody: TEMPLATE }))).toEqual(kept);
  expect(await compared([same], written("a.json", { TemplateBody: asYaml }))).toEqual(kept);
  expect(await compared([same], written("a.yaml", asYaml))).toEqual(kept);

  const parent = { Resources: { Chunk: { Type: "AWS::CloudFormation::Stack", Metadata: {} } } };
  parent.Resources.Chunk.Metadata = { "aws:asset:path": "chunk.nested.template.json" };
  const file = written("parent.template.json", parent);
  const alone = await run(["plan", same, "--against", file]);
  expect([alone.code, alone.stdout]).toEqual([1, ""]);
  expect(alone.stderr).toContain("has the nested stack Chunk, whose template is not beside it");
  writeFileSync(join(dirname(file), "chunk.nested.template.json"), JSON.stringify(TEMPLATE));
  expect(await compared([same], file)).toEqual(kept);
  expect(await compared([same], dirname(file))).toEqual(kept);
});

test("a pipeline that has grown beyond fifty edges cannot be deployed over itself, whatever is allowed", async () => {
  const names = Array.from({ length: 51 }, (_, index) => `s${index}`);
  const grown = pipelines(
    JSON.stringify({
      id: "p",
      inputs: { in: { to: "s0" } },
      stages: Object.fromEntries(names.map((name) => [name, { command: ["cat"] }])),
      edges: names.slice(1).map((to, index) => ({ from: names[index], to })),
    }),
  );
  const small = templateOf(planOf(definition("p", BEFORE)));
  const args = ["plan", join(grown, "p0"), "--allow-orphans", "--against"];
  const { code, stdout } = await run([...args, written("deployed.json", small)]);
  expect(code).toBe(1);
  expect(stdout).toContain("moved p: it has 51 edges now, and beyond 50 they are made in nested stacks");
  expect(stdout).toMatch(/it cannot be deployed\n$/);
  const nested = await run([...args, written("p.nested.template.json", small)]);
  expect(nested.code).toBe(0);
});

test("a deployed stack: its nested stacks, and how many tokens decide it", async () => {
  const retired = templateOf(planOf(definition("p", RETIRED)));
  const counts = (waiting: number) => ({
    Attributes: {
      ApproximateNumberOfMessages: String(waiting),
      ApproximateNumberOfMessagesNotVisible: "0",
      ApproximateNumberOfMessagesDelayed: "0",
    },
  });
  const stack = (waiting: number) => {
    const answers = {
      "cloudformation get-template Chunk": { TemplateBody: retired },
      "cloudformation get-template Millrace": {
        TemplateBody: { Resources: { Chunk: { Type: "AWS::CloudFormation::Stack" } } },
      },
      "cloudformation list-stack-resources Millrace": {
        StackResourceSummaries: [
          { ResourceType: "AWS::CloudFormation::Stack", PhysicalResourceId: "Chunk" },
          { ResourceType: "AWS::SQS::Queue", PhysicalResourceId: "Other" },
        ],
      },
      "sqs get-queue-url millrace_p_b_c": { QueueUrl: "https://sqs/work" },
      "sqs get-queue-url millrace_p_b_c_DEAD": { QueueUrl: "https://sqs/dead" },
      "sqs get-queue-attributes https://sqs/work": counts(waiting),
      "sqs get-queue-attributes https://sqs/dead": counts(0),
    };
    const bin = temporaryFolder();
    const program = join(bin, "aws");
    copyFileSync(join(import.meta.dirname, "fixtures/aws-that-answers.mjs"), program);
    chmodSync(program, 0o755);
    const path = [bin, dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
    return { PATH: path, AWS_ANSWERS: written("answers.json", answers) };
  };
  const without = pipelines(definition("p", REMOVED));
  expect(await compared([without], "Millrace", stack(0))).toEqual({
    code: 0,
    ok: true,
    fates: [["p", "b-c", "removed", 0]],
  });
  expect(await compared([without], "Millrace", stack(7))).toEqual({
    code: 1,
    ok: false,
    fates: [["p", "b-c", "orphaned", 7]],
  });
  const unknown = await run(["plan", without, "--against", "Nowhere"], { env: stack(0) });
  expect([unknown.code, unknown.stdout]).toEqual([1, ""]);
  expect(unknown.stderr).toContain("aws cloudformation get-template for Nowhere: ");
});

test("what cannot be compared is told with what to give instead", async () => {
  const folder = pipelines(definition("p", BEFORE));
  const refused = async (against: string, args: string[] = [], env = {}) => {
    const { code, stdout, stderr } = await run(["plan", folder, "--against", against, ...args], { env });
    expect(stdout).toBe("");
    return [code, stderr];
  };
  expect(await refused("no/such.json")).toEqual([
    1,
    "error: there is no file no/such.json\n  give a template, the folder cdk.out, or the name of a deployed stack\n",
  ]);
  expect(await refused("Millrace", [], { PATH: "/nowhere" })).toEqual([
    1,
    "error: there is no file Millrace, and the AWS command line, which could read a stack of this name, is not installed\n" +
      "  where it is installed: aws cloudformation get-template --stack-name Millrace > deployed.json; then --against deployed.json\n",
  ]);
  const other = written("other.json", { name: "package" });
  expect(await refused(other)).toEqual([
    1,
    `error: ${other} is no CloudFormation template: it has no map "Resources"\n` +
      "  give what cdk synth writes, or what aws cloudformation get-template prints\n",
  ]);
  const foreign = written("foreign.json", TEMPLATE);
  expect(await refused(foreign, ["--app", "elsewhere"])).toEqual([
    1,
    `error: ${foreign} has no queue of the deployment "elsewhere"\n` +
      "  give the template of a Millrace deployment; --app NAME when its names begin with something else\n",
  ]);
  expect((await refused(foreign, ["--price"]))[0]).toBe(2);
  expect((await refused(foreign, ["--app", "a_b"]))[0]).toBe(2);
});
