import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { afterAll } from "vitest";
import { addStacks } from "../../infra/aws/deployment.ts";
import { Options } from "../../infra/aws/options.ts";
import type { Template } from "../../infra/aws/template.ts";
import type { Plan } from "../../lib/plan/plan.ts";

/** Where templates are deployed to in tests. */
export const ACCOUNT = "111122223333";
export const REGION = "eu-west-1";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Gone when the file's tests have ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-infra-"));
  folders.push(folder);
  return folder;
}

/** A folder that stands for the bundled code: what is in it is no matter to a template. */
export function anyCode(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "plan.json"), "{}");
  return folder;
}

/** A folder that stands for what the agent's image is built from. */
function anyAgent(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch");
  return folder;
}

/** The templates of a plan by file name, nested ones among them, not validated. */
export function synthesized(plan: Plan, options: Partial<Options> = {}): Map<string, Template> {
  const outdir = temporaryFolder();
  const app = new App({ outdir, analyticsReporting: false, context: FLAGS });
  addStacks(app, plan, Options.parse(options), { code: anyCode(), agent: anyAgent() });
  app.synth();
  return templatesIn(outdir);
}

export const templatesIn = (directory: string): Map<string, Template> =>
  new Map(
    readdirSync(directory)
      .filter((file) => file.endsWith(".template.json"))
      .map((file) => [
        file.replace(/(\.nested)?\.template\.json$/, ""),
        JSON.parse(readFileSync(join(directory, file), "utf8")) as Template,
      ]),
  );

const FLAGS = (
  JSON.parse(readFileSync(join(import.meta.dirname, "../../cdk.json"), "utf8")) as {
    context: Record<string, unknown>;
  }
).context;

const PSEUDO: Record<string, string> = {
  "AWS::Partition": "aws",
  "AWS::Region": REGION,
  "AWS::AccountId": ACCOUNT,
  "AWS::URLSuffix": "amazonaws.com",
};

/** A value as CloudFormation would make it; what refers to a resource of the template is that resource's logical id. */
export function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== "object" || value === null) return value;
  if ("Ref" in value) return PSEUDO[String(value.Ref)] ?? value.Ref;
  if ("Fn::GetAtt" in value) return (value["Fn::GetAtt"] as string[])[0];
  if ("Fn::Join" in value) {
    const [separator, parts] = value["Fn::Join"] as [string, unknown[]];
    return parts.map((part) => String(resolved(part))).join(separator);
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolved(each)]));
}
