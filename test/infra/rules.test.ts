import { expect, test } from "vitest";
import { TEMPLATE_RULES } from "../../infra/aws/rules.ts";
import type { Template } from "../../infra/aws/template.ts";
import { EXAMPLES, planOf } from "./plans.ts";
import { synthesized } from "./stacks.ts";

const objections = (template: Template): [string, string[]][] =>
  TEMPLATE_RULES.flatMap(({ name, check }) => {
    const ids = check(template);
    return ids.length > 0 ? [[name, ids] as [string, string[]]] : [];
  });

const WORK = {
  Type: "AWS::SQS::Queue",
  Properties: {
    VisibilityTimeout: 270,
    RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": ["Dead", "Arn"] }, maxReceiveCount: 8 },
  },
};
const DEAD = { Type: "AWS::SQS::Queue", Properties: { VisibilityTimeout: 270 } };
const FUNCTION = { Type: "AWS::Lambda::Function", Properties: { Timeout: 45 } };
const SOURCE = {
  Type: "AWS::Lambda::EventSourceMapping",
  Properties: {
    EventSourceArn: { "Fn::GetAtt": ["Work", "Arn"] },
    FunctionName: { Ref: "Function" },
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  },
};
const roleThatMay = (statement: object) => ({
  Type: "AWS::IAM::Role",
  Properties: { Policies: [{ PolicyName: "may", PolicyDocument: { Statement: [statement] } }] },
});
const SEND = { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: "*" };
const GOOD = { Work: WORK, Dead: DEAD, Function: FUNCTION, Source: SOURCE, Role: roleThatMay(SEND) };

const changed = (resource: { Type: string; Properties: object }, properties: object) => ({
  ...resource,
  Properties: { ...resource.Properties, ...properties },
});

test("a template as it should be, and our own, break no rule", () => {
  expect(objections({ Resources: GOOD })).toEqual([]);
  const templates = [...synthesized(planOf(...EXAMPLES)).values()];
  expect(templates).toHaveLength(3);
  expect(templates.flatMap(objections)).toEqual([]);
});

test.for([
  [
    "queue-without-dead-letters",
    "Work",
    { Work: changed(WORK, { RedrivePolicy: undefined }), Source: undefined },
  ],
  ["queue-without-dead-letters", "Other", { Other: DEAD }],
  ["visibility-too-short", "Source", { Work: changed(WORK, { VisibilityTimeout: 269 }) }],
  ["visibility-too-short", "Source", { Function: changed(FUNCTION, { Timeout: 46 }) }],
  // SQS's own default is 30 seconds, Lambda's is 3.
  ["visibility-too-short", "Source", { Work: changed(WORK, { VisibilityTimeout: undefined }) }],
  [
    "visibility-too-short",
    "Source",
    { Source: changed(SOURCE, { EventSourceArn: "arn:aws:sqs:eu-west-1:1:other" }) },
  ],
  [
    "source-without-partial-batches",
    "Source",
    { Source: changed(SOURCE, { FunctionResponseTypes: undefined }) },
  ],
  ["filtered-source", "Source", { Source: changed(SOURCE, { FilterCriteria: { Filters: [] } }) }],
  ["wildcard-action", "Role", { Role: roleThatMay({ ...SEND, Action: "sqs:*" }) }],
  ["wildcard-action", "Role", { Role: roleThatMay({ ...SEND, Action: ["s3:GetObject", "s3:Put*"] }) }],
  [
    "wildcard-action",
    "Role",
    { Role: roleThatMay({ Effect: "Allow", NotAction: "iam:PassRole", Resource: "*" }) },
  ],
  [
    "wildcard-action",
    "Policy",
    {
      Policy: {
        Type: "AWS::IAM::Policy",
        Properties: { PolicyDocument: { Statement: { ...SEND, Action: "*" } } },
      },
    },
  ],
] as const)("%s: %s, when %j", ([rule, id, change]) => {
  const resources = Object.entries({ ...GOOD, ...change }).filter(([, resource]) => resource !== undefined);
  const broken = new Map(objections({ Resources: Object.fromEntries(resources) as Template["Resources"] }));
  expect(broken.get(rule)).toContain(id);
});

test("the most that SQS allows is enough for any function", () => {
  const day = {
    Work: changed(WORK, { VisibilityTimeout: 43_200 }),
    Function: changed(FUNCTION, { Timeout: 7201 }),
  };
  expect(objections({ Resources: { ...GOOD, ...day } })).toEqual([]);
});

test("what is denied may have wildcards", () => {
  const role = roleThatMay({ Effect: "Deny", Action: "sqs:*", Resource: "*" });
  expect(objections({ Resources: { ...GOOD, Role: role } })).toEqual([]);
});
