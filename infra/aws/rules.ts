import { readFileSync } from "node:fs";
import type { IPolicyValidationContext, IPolicyValidationPlugin } from "aws-cdk-lib";
import { LIMITS } from "../../lib/plan/limits.ts";
import { referenced, resourcesOf, type Template } from "./template.ts";

/** What must be true of every template beyond what CloudFormation and cdk-nag know. Each rule answers who breaks it. */
export interface TemplateRule {
  readonly name: string;
  readonly description: string;
  readonly fix: string;
  /** Logical ids. */
  check(template: Template): string[];
}

const QUEUE = "AWS::SQS::Queue";
const SOURCE = "AWS::Lambda::EventSourceMapping";

export const TEMPLATE_RULES: readonly TemplateRule[] = [
  {
    name: "queue-without-dead-letters",
    description: "Every queue has a dead-letter queue, or is one.",
    fix: "make it by FeedQueue",
    check: (template) => {
      const queues = resourcesOf(template, QUEUE);
      const dead = new Set(
        queues.map(([, { Properties }]) => referenced(Properties?.RedrivePolicy?.deadLetterTargetArn)),
      );
      return queues.flatMap(([id, { Properties }]) =>
        Properties?.RedrivePolicy || dead.has(id) ? [] : [id],
      );
    },
  },
  {
    name: "visibility-too-short",
    description: `A queue's visibility is at least ${LIMITS.visibilityTimeouts.value} times the timeout of the function that it feeds, or the most that SQS allows.`,
    fix: "take both from the plan",
    check: (template) =>
      resourcesOf(template, SOURCE).flatMap(([id, { Properties }]) => {
        const queue = propertiesOf(template, Properties?.EventSourceArn);
        const target = propertiesOf(template, Properties?.FunctionName);
        if (!queue || !target) return [id];
        const needed = Math.min(
          LIMITS.visibility.value,
          Number(target["Timeout"] ?? 3) * LIMITS.visibilityTimeouts.value,
        );
        return Number(queue["VisibilityTimeout"] ?? 30) < needed ? [id] : [];
      }),
  },
  {
    name: "source-without-partial-batches",
    description: "Every event source takes back the messages that its function names, and those alone.",
    fix: "set reportBatchItemFailures",
    check: (template) =>
      resourcesOf(template, SOURCE).flatMap(([id, { Properties }]) =>
        Properties?.FunctionResponseTypes?.includes("ReportBatchItemFailures") ? [] : [id],
      ),
  },
  {
    name: "filtered-source",
    description: "No event source has a filter: Lambda deletes the messages that do not match.",
    fix: "let the function decide",
    check: (template) =>
      resourcesOf(template, SOURCE).flatMap(([id, { Properties }]) =>
        Properties?.FilterCriteria ? [id] : [],
      ),
  },
  {
    name: "wildcard-action",
    description: "No action that a role is allowed has a wildcard.",
    fix: "name the actions that the code calls",
    check: (template) =>
      Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
        policiesOf(Type, Properties).some(allowsWildcard) ? [id] : [],
      ),
  },
];

// biome-ignore lint/suspicious/noExplicitAny: see Resource
type Properties = any;

function propertiesOf(template: Template, reference: unknown): Record<string, unknown> | undefined {
  const id = referenced(reference);
  return id === undefined ? undefined : template.Resources[id]?.Properties;
}

function policiesOf(type: string, properties: Properties): Properties[] {
  if (type === "AWS::IAM::Role")
    return (properties?.Policies ?? []).map((each: Properties) => each.PolicyDocument);
  if (/^AWS::IAM::(Managed|User|Group)?Policy$/.test(type)) return [properties?.PolicyDocument];
  return [];
}

const allowsWildcard = (document: Properties): boolean =>
  [document?.Statement ?? []]
    .flat()
    .some(
      ({ Effect, Action, NotAction }: Properties) =>
        Effect === "Allow" &&
        (NotAction !== undefined || [Action].flat().some((action) => String(action).includes("*"))),
    );

/** The rules, for the CDK to apply at every synthesis. */
export const templateRules: IPolicyValidationPlugin = {
  name: "Millrace",
  ruleIds: TEMPLATE_RULES.map(({ name }) => name),
  validate({ templatePaths }: IPolicyValidationContext) {
    const violations = templatePaths.flatMap((templatePath) => {
      const template = JSON.parse(readFileSync(templatePath, "utf8")) as Template;
      return TEMPLATE_RULES.flatMap(({ name, description, fix, check }) => {
        const broken = check(template);
        if (broken.length === 0) return [];
        const violatingResources = broken.map((resourceLogicalId) => ({
          resourceLogicalId,
          templatePath,
          locations: [],
        }));
        return [{ ruleName: name, description, fix, severity: "error", violatingResources }];
      });
    });
    return { success: violations.length === 0, violations };
  },
};
