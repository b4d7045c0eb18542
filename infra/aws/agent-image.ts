import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { DockerImageAsset, Platform } from "aws-cdk-lib/aws-ecr-assets";
import type { Construct } from "constructs";
import { build } from "esbuild";
import type { Options } from "./options.ts";

const SOURCE = resolve(import.meta.dirname, "../../functions/agent");

/** Makes the folder that the agent's image is built from: its Dockerfile and one bundle. */
export async function bundleAgent(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(SOURCE, "Dockerfile"), join(directory, "Dockerfile"));
  await build({
    entryPoints: [join(SOURCE, "main.ts")],
    outfile: join(directory, "agent.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    logLevel: "warning",
  });
}

/**
 * The image as the cluster pulls it: one that somebody has pushed, or one that `cdk deploy` builds from the folder and pushes
 * to the account's own registry. Only that needs Docker; synthesis does not.
 */
export const agentImage = (scope: Construct, { agentImage: pushed }: Options, directory: string): string =>
  pushed ?? new DockerImageAsset(scope, "Agent", { directory, platform: Platform.LINUX_AMD64 }).imageUri;
