import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { Options, optionsOf } from "../../infra/aws/options.ts";

const options = (context: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) =>
  optionsOf(new App({ context }), env);

test("without any, a deployment is that of the folder pipelines, and loses nothing", () => {
  expect(options({})).toEqual({
    pipelines: "pipelines",
    app: "millrace",
    newCluster: false,
    nested: false,
    disposable: false,
  });
});

test("on the command line everything is a text; the CDK's own keys are none of ours", () => {
  const given = {
    disposable: "true",
    outputDays: "90",
    app: "two",
    "@aws-cdk/core:x": true,
    "aws:cdk:y": [],
  };
  expect(options(given)).toMatchObject({ disposable: true, outputDays: 90, app: "two" });
});

test("rules for pods that may be broken are an option, or else the variable that the command line reads", () => {
  const shell = { MILLRACE_POD_ALLOW: "root" };
  expect(options({}, shell).podAllow).toBe("root");
  expect(options({ podAllow: "writable-root,profiles" }, shell).podAllow).toBe("writable-root,profiles");
  expect(options({ podAllow: "" }, shell).podAllow).toBeUndefined();
  expect(() => options({ podAllow: "roots" })).toThrow('names "roots", which is no rule for pods');
});

test("what is nested: all pipelines, none, or some", () => {
  const nested = (value: unknown) => options({ nested: value }).nested;
  expect([nested("true"), nested(true), nested("false"), nested(""), nested("a,b"), nested(["a"])]).toEqual([
    true,
    true,
    false,
    [],
    ["a", "b"],
    ["a"],
  ]);
});

test.for([
  [{ pipeline: "x" }, 'there is no option "pipeline": did you mean "pipelines"?'],
  [{ app: "Has_Capitals" }, "app: up to 20 lower case letters, digits and '-', beginning with a letter"],
  [{ app: "a".repeat(21) }, "app: up to 20"],
  [{ app: "a-" }, "app: up to 20"],
  [{ disposable: "yes" }, "disposable: "],
  [{ outputDays: "7" }, "outputDays: Too small: expected number to be >=60"],
  [{ alarmTopic: "ops@example.org" }, "alarmTopic: the ARN of an SNS topic"],
  [{ jwtIssuer: "https://id.example.org" }, "jwtIssuer and jwtAudience are given together, or not at all"],
  [{ cluster: "a", newCluster: true }, "cluster or newCluster, not both"],
] as const)("%j is refused: %s", ([context, message]) => {
  expect(() => options(context)).toThrow(message);
});

test("the README tells of every option, in the same words", () => {
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const told = [...readme.matchAll(/^\| `(\w+)` \| (?:`([^`|]+)`)? *\| (.+) \|$/gm)].map(
    ([, name, initial, what]) => [name, initial, what],
  );
  const options = Object.entries(Options.shape).map(([name, schema]) => {
    const { data } = schema.safeParse(undefined);
    return [name, data === undefined ? undefined : String(data), schema.meta()?.description];
  });
  expect(told).toEqual(expect.arrayContaining(options));
});
