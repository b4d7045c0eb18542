import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import * as z from "zod";
import { type QueueFacts, type TemplateFacts, templateFacts } from "../../lib/plan/template-facts.ts";
import { CliError, EXIT } from "./terminal.ts";

/**
 * The templates of a deployment: a file, the folder that `cdk synth` writes (`cdk.out`), or the name of a deployed stack,
 * which the AWS command line reads. Nested stacks are followed.
 */

const STACK = /^([A-Za-z][A-Za-z0-9-]{0,127}|arn:aws[a-z-]*:cloudformation:.+)$/;
const TEMPLATE_SUFFIX = ".template.json";
const NESTED_SUFFIX = `.nested${TEMPLATE_SUFFIX}`;

/** A queue, and whether it is in a nested stack. */
export type DeployedQueue = QueueFacts & { readonly isNested: boolean };

type Placed = TemplateFacts & { readonly isNested: boolean };

export interface Deployed {
  readonly queues: readonly DeployedQueue[];
  /** The queues can be asked how many tokens they hold. */
  readonly isRunning: boolean;
}

/** @throws CliError naming what cannot be read, and how to get it */
export async function readDeployed(from: string, app: string): Promise<Deployed> {
  const isRunning = !existsSync(from);
  const facts = isRunning
    ? await stackFacts(from, app)
    : statSync(from).isDirectory()
      ? folderFacts(from, app)
      : fileFacts(from, app);
  const unnamed = facts.flatMap((each) => each.unnamed);
  const queues = facts.flatMap((each) => each.queues.map((queue) => ({ ...queue, isNested: each.isNested })));
  if (queues.length === 0) {
    const other = unnamed.length === 0 ? "" : `; the names of ${unnamed.join(", ")} are not plain text`;
    throw new CliError(
      EXIT.input,
      `${from} has no queue of the deployment "${app}"${other}`,
      "give the template of a Millrace deployment; --app NAME when its names begin with something else",
    );
  }
  return { isRunning, queues };
}

function folderFacts(folder: string, app: string): Placed[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(TEMPLATE_SUFFIX));
  if (files.length > 0) return files.map((name) => readFacts(join(folder, name), app));
  throw new CliError(
    EXIT.input,
    `there is no *${TEMPLATE_SUFFIX} in ${folder}`,
    "cdk synth writes them to cdk.out",
  );
}

function fileFacts(file: string, app: string): Placed[] {
  const facts = readFacts(file, app);
  return [
    facts,
    ...facts.nested.flatMap(({ logicalId, file: nested }) => {
      const path = nested === undefined ? undefined : join(dirname(file), nested);
      if (path !== undefined && existsSync(path)) return fileFacts(path, app);
      throw new CliError(
        EXIT.input,
        `${file} has the nested stack ${logicalId}, whose template is not beside it`,
        "give the folder with all of the templates, or the name of the deployed stack",
      );
    }),
  ];
}

/** A nested stack's template is known by the name that CDK gives it. */
const readFacts = (file: string, app: string): Placed => ({
  ...factsOf(readFileSync(file, "utf8"), file, app),
  isNested: file.endsWith(NESTED_SUFFIX),
});

/** JSON or YAML; also what `aws cloudformation get-template` prints around a template. */
function factsOf(text: string, name: string, app: string): TemplateFacts {
  try {
    const document: unknown = text.trimStart().startsWith("{")
      ? JSON.parse(text)
      : parse(text, { logLevel: "silent", maxAliasCount: 100 });
    const body = z.object({ TemplateBody: z.unknown() }).safeParse(document);
    if (!body.success || body.data.TemplateBody === undefined) return templateFacts(document, app);
    const { TemplateBody: inner } = body.data;
    return typeof inner === "string" ? factsOf(inner, name, app) : templateFacts(inner, app);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const why =
      error instanceof z.ZodError ? error.issues[0]?.message : (error as Error).message.split("\n")[0];
    throw new CliError(
      EXIT.input,
      `${name} is no CloudFormation template: ${why}`,
      "give what cdk synth writes, or what aws cloudformation get-template prints",
    );
  }
}

async function stackFacts(stack: string, app: string, isNested = false): Promise<Placed[]> {
  if (!STACK.test(stack)) {
    throw new CliError(
      EXIT.input,
      `there is no file ${stack}`,
      "give a template, the folder cdk.out, or the name of a deployed stack",
    );
  }
  const text = await aws(stack, ["cloudformation", "get-template", "--stack-name", stack]);
  const facts = { ...factsOf(text, stack, app), isNested };
  if (facts.nested.length === 0) return [facts];
  const answer = await aws(stack, ["cloudformation", "list-stack-resources", "--stack-name", stack]);
  const { StackResourceSummaries: resources } = StackResources.parse(JSON.parse(answer));
  const nested = resources.filter(({ ResourceType }) => ResourceType === "AWS::CloudFormation::Stack");
  const below = await Promise.all(
    nested.map(({ PhysicalResourceId }) => stackFacts(PhysicalResourceId, app, true)),
  );
  return [facts, ...below.flat()];
}

const StackResources = z.object({
  StackResourceSummaries: z.array(z.object({ ResourceType: z.string(), PhysicalResourceId: z.string() })),
});

/**
 * The tokens that queues hold, waiting and claimed.
 *
 * @throws CliError when a service does not answer
 */
export async function tokensInQueues(queues: readonly string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let start = 0; start < queues.length; start += AT_ONCE) {
    const some = queues.slice(start, start + AT_ONCE);
    const tokens = await Promise.all(some.map(tokensIn));
    for (const [index, queue] of some.entries()) counts.set(queue, tokens[index] ?? 0);
  }
  return counts;
}

/** Each question is a process of its own. */
const AT_ONCE = 8;
const COUNTED = ["", "NotVisible", "Delayed"].map((which) => `ApproximateNumberOfMessages${which}`);

async function tokensIn(queue: string): Promise<number> {
  const found = await aws(queue, ["sqs", "get-queue-url", "--queue-name", queue]);
  const { QueueUrl } = z.object({ QueueUrl: z.string() }).parse(JSON.parse(found));
  const asked = ["sqs", "get-queue-attributes", "--queue-url", QueueUrl, "--attribute-names", ...COUNTED];
  const { Attributes } = QueueAttributes.parse(JSON.parse(await aws(queue, asked)));
  return COUNTED.reduce((sum, name) => sum + (Attributes[name] ?? 0), 0);
}

const QueueAttributes = z.object({ Attributes: z.record(z.string(), z.coerce.number()) });

const run = promisify(execFile);
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What the AWS command line prints, as JSON. It finds the account and the region as it always does. */
async function aws(about: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run("aws", [...args, "--output", "json"], { maxBuffer: MAX_ANSWER_BYTES });
    return stdout;
  } catch (error) {
    const { code, stderr = "", message } = error as Error & { code?: string | number; stderr?: string };
    if (code === "ENOENT") {
      throw new CliError(
        EXIT.input,
        `there is no file ${about}, and the AWS command line, which could read a stack of this name, is not installed`,
        `where it is installed: aws cloudformation get-template --stack-name ${about} > deployed.json; then --against deployed.json`,
      );
    }
    const isOurs = /does not exist|NonExistentQueue|specify a region|credentials|token/i.test(stderr);
    throw new CliError(
      isOurs ? EXIT.input : EXIT.service,
      `aws ${args.slice(0, 2).join(" ")} for ${about}: ${(stderr.trim() || message).split("\n").at(-1)}`,
      "check the name, the region and the credentials; or give a template",
    );
  }
}
