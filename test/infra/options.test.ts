import { App } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { optionsOf } from "../../infra/aws/options.ts";

const options = (context: Record<string, unknown>) => optionsOf(new App({ context }));

test("without any, a deployment is that of the folder pipelines, and loses nothing", () => {
  expect(options({})).toEqual({
    pipelines: "pipelines",
    app: "millrace",
    newCluster: false,
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

test.for([
  [{ pipeline: "x" }, 'there is no option "pipeline": did you mean "pipelines"?'],
  [{ app: "Has_Capitals" }, "app: up to 20 lower case letters, digits and '-', beginning with a letter"],
  [{ app: "a".repeat(21) }, "app: up to 20"],
  [{ disposable: "yes" }, "disposable: "],
  [{ outputDays: "7" }, "outputDays: Too small: expected number to be >=60"],
  [{ alarmTopic: "ops@example.org" }, "alarmTopic: the ARN of an SNS topic"],
  [{ jwtIssuer: "https://id.example.org" }, "jwtIssuer and jwtAudience are given together, or not at all"],
  [{ cluster: "a", newCluster: true }, "cluster or newCluster, not both"],
] as const)("%j is refused: %s", ([context, message]) => {
  expect(() => options(context)).toThrow(message);
});
