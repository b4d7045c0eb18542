import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { sqsClient } from "../../lib/clients.aws.ts";
import { systemClock } from "../../lib/clock.ts";
import { MillraceError } from "../../lib/errors.ts";
import type { PutMessage } from "../../lib/intake/intake.ts";
import type { Sample, SampleContext } from "../../lib/intake/sample.ts";
import type { PipelinePlan } from "../../lib/plan/plan.ts";
import { batchSender } from "../../lib/queue/sqs.aws.ts";
import { putTokenId } from "../../lib/token/ids.ts";
import { messageJson } from "../../lib/token/json.ts";
import { objectStore } from "../../lib/token/objects.aws.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { keepSecret } from "./local-secrets.ts";
import type { Runtime } from "./runtime.ts";

const FILE_NAME = "sample.ts";

/** The file that brings a pipeline's own input along, if there is one. */
export function sampleFile({ file }: PipelinePlan): string | undefined {
  const sample = join(dirname(file), FILE_NAME);
  return existsSync(sample) ? sample : undefined;
}

/**
 * Runs a pipeline's sample; resolves when all of its input has been put.
 *
 * @throws MillraceError naming the file
 */
export async function runSample(pipeline: PipelinePlan, file: string, runtime: Runtime): Promise<void> {
  try {
    const { default: make } = (await import(pathToFileURL(file).href)) as { default?: Sample };
    if (typeof make !== "function")
      throw new Error(
        "it has no sample as its default export: write export default sample(async (context) => …)",
      );
    await make(contextOf(pipeline, runtime));
  } catch (cause) {
    throw new MillraceError("sample", `the sample ${file} failed: ${(cause as Error).message}`, {
      hint: "mend it, or leave it out: --no-sample",
      cause,
    });
  }
}

function contextOf(pipeline: PipelinePlan, { bucket, env, data, queueBase }: Runtime): SampleContext {
  const objects = objectStore(s3Client(env), bucket);
  const sender = batchSender(sqsClient(env), queueBase, systemClock);
  return {
    bucket,
    upload: async (key, make) => {
      if (!(await objects.exists(key))) await objects.putNew(key, await make(), pipeline.id);
    },
    put: async (key, tokenData, input = pipeline.inputs[0]?.name ?? "") => {
      const token = putTokenId(pipeline.id, input, key);
      const message: PutMessage = { v: 1, kind: "put", token, input, data: tokenData, key };
      await sender.send(pipeline.intake.name, messageJson(message));
    },
    secret: async (name, make) => keepSecret(data.secrets, name, make),
  };
}
