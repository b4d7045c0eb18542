import { App } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { addStacks } from "../../infra/aws/deployment.ts";
import { Options } from "../../infra/aws/options.ts";
import { resourcesOf, type Template } from "../../infra/aws/template.ts";
import { chain, numbered, planOf } from "./plans.ts";
import { anyCode, resolved, synthesized } from "./stacks.ts";

/** Physical names of queues and functions, with the template that each is in. */
function placesOf(templates: ReadonlyMap<string, Template>): Map<string, string> {
  const places = new Map<string, string>();
  for (const [file, template] of templates) {
    for (const [type, name] of [
      ["AWS::SQS::Queue", "QueueName"],
      ["AWS::Lambda::Function", "FunctionName"],
    ] as const) {
      for (const [, { Properties }] of resourcesOf(template, type)) {
        const physical = String(resolved(Properties[name]));
        expect(places.has(physical), physical).toBe(false);
        places.set(physical, file);
      }
    }
  }
  return places;
}

const count = (template: Template): number => Object.keys(template.Resources).length;

test("fifty edges are one template, within CloudFormation's 500 resources", () => {
  const templates = synthesized(planOf(chain("p", numbered(50))));
  expect([...templates.keys()].sort()).toEqual(["millrace-PLATFORM", "millrace-p"]);
  expect(count(templates.get("millrace-p")!)).toBeLessThanOrEqual(500);
});

test("one more is spread over nested stacks, each with room to grow", () => {
  const templates = synthesized(planOf(chain("p", numbered(300))));
  const sizes = [...templates.values()].map(count);
  expect(Math.max(...sizes)).toBeLessThan(250);
  const nested = resourcesOf(templates.get("millrace-p")!, "AWS::CloudFormation::Stack");
  expect(nested.length).toBe(templates.size - 2);
  // Of each edge its queue and its dead-letter queue, the intake's two, the functions of the stages, ingest, and the three that serve all.
  expect(placesOf(templates).size).toBe(906);
  for (const [, { Properties }] of nested) {
    // Nothing passes between the stacks: what one needs of another it knows by name.
    expect(Properties.Parameters ?? {}).toEqual({});
  }
});

test("a stage that is put in, or taken out, moves no other to another template", () => {
  const stages = numbered(100);
  const before = placesOf(synthesized(planOf(chain("p", stages))));
  const more = placesOf(
    synthesized(planOf(chain("p", [...stages.slice(0, 40), "extra", ...stages.slice(40)]))),
  );
  const fewer = placesOf(synthesized(planOf(chain("p", [...stages.slice(0, 7), ...stages.slice(8)]))));
  for (const after of [more, fewer]) {
    const moved = [...before].filter(([name, file]) => after.has(name) && after.get(name) !== file);
    expect(moved).toEqual([]);
  }
  expect([...more.keys()].filter((name) => !before.has(name)).sort()).toEqual([
    "millrace_p_extra",
    "millrace_p_extra_s040",
    "millrace_p_extra_s040_DEAD",
    "millrace_p_s039_extra",
    "millrace_p_s039_extra_DEAD",
  ]);
});

test("a pipeline in nested stacks from the first on moves nothing when it grows beyond fifty edges", () => {
  const nested = (count: number): Map<string, string> =>
    placesOf(synthesized(planOf(chain("p", numbered(count))), { nested: true }));
  const [before, after] = [nested(10), nested(60)];
  expect(before.get("millrace_p_s003")).toMatch(/Chunk/);
  expect([...before].filter(([name, file]) => after.get(name) !== file)).toEqual([]);
});

test("only the pipelines that are named are nested, and they must be there", () => {
  const plan = planOf(chain("p", numbered(5)), chain("q", numbered(5)));
  const places = placesOf(synthesized(plan, { nested: ["q"] }));
  expect(places.get("millrace_p_s003")).toBe("millrace-p");
  expect(places.get("millrace_q_s003")).toMatch(/Chunk/);
  expect(() => synthesized(plan, { nested: ["qs"] })).toThrow(
    'nested: there is no pipeline "qs": did you mean "q"?',
  );
});

test.for([
  [39, {}, 0],
  [40, {}, 1],
  [50, {}, 1],
  [51, {}, 0],
  [45, { nested: "p" }, 0],
] as const)("of %i edges with %j, synthesis warns %i times", ([edges, options, times]) => {
  const app = new App({ analyticsReporting: false });
  addStacks(app, planOf(chain("p", numbered(edges))), Options.parse(options), {
    code: anyCode(),
    agent: anyCode(),
  });
  const stack = app.node.findChild("millrace-p");
  const found = Annotations.fromStack(stack as Parameters<typeof Annotations.fromStack>[0]).findWarning(
    "*",
    Match.stringLikeRegexp(`the pipeline "p" has ${edges} edges.*-c nested=p`),
  );
  expect(found).toHaveLength(times);
});
