import { type App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { templateRules } from "./rules.ts";

/**
 * What every synthesis is checked by, offline: cdk-nag's AwsSolutions and our own rules. The validator that comes with the
 * CDK is there anyway; cdk.json makes its findings errors.
 */
export function addChecks(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), templateRules);
}
