import * as z from "zod";
import { lineage, tokenLog } from "../board/lineage.ts";
import type { PutMessage } from "../intake/intake.ts";
import { LIMITS } from "../plan/limits.ts";
import type { InputPlan, PipelinePlan } from "../plan/plan.ts";
import { sendTogether } from "../queue/send-together.ts";
import type { Sender } from "../queue/sender.ts";
import { outputsOf } from "../stage/emission.ts";
import { putTokenId } from "../token/ids.ts";
import { DATA_DEPTH, depthExceeds, type Json, messageJson } from "../token/json.ts";
import { bodyOf, notFound, ok, Problem } from "./http.ts";
import { shownJob } from "./job-view.ts";
import { isId, pipelineIn, type Route } from "./route.ts";

const PutToken = z.strictObject({
  data: z.custom<Json>().optional(),
  /** What the caller calls it: repeating a put with the same key does not make a second token. */
  key: z.string().min(1).max(512).optional(),
});
const Put = z.strictObject({ input: z.string().optional(), tokens: z.array(PutToken).min(1).max(100) });

const Upload = z.strictObject({ input: z.string().optional(), name: z.string().min(1).max(900) });

/** A message holds 1 MiB; what is larger than this belongs into an object. */
export const MAX_DATA_BYTES = 262_144;

/** Putting tokens in, and what became of one. */
export const TOKEN_ROUTES: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/tokens",
    does: "puts tokens in: `{ tokens: [{ data?, key? }], input? }`; a repeated `key` is the same token",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { input: name, tokens } = bodyOf(request, Put);
      const input = inputOf(pipeline, name);
      const messages = tokens.map(({ data, key }, index): PutMessage => {
        const size = Buffer.byteLength(JSON.stringify(data ?? null));
        if (size > MAX_DATA_BYTES) {
          throw new Problem(
            413,
            "too-large",
            `tokens.${index}.data has ${size} bytes, at most ${MAX_DATA_BYTES} are taken`,
            "upload it as an object",
          );
        }
        if (depthExceeds(JSON.stringify(data ?? null), DATA_DEPTH)) {
          throw new Problem(
            422,
            "too-deep",
            `tokens.${index}.data is nested deeper than ${DATA_DEPTH} levels`,
          );
        }
        const token = key === undefined ? api.newId() : putTokenId(pipeline.id, input.name, key);
        return {
          v: 1,
          kind: "put",
          token,
          input: input.name,
          ...(data !== undefined && { data }),
          ...(key !== undefined && { key }),
        };
      });
      const sends = messages.map(
        (message) => (sender: Sender) => sender.send(pipeline.intake.name, messageJson(message)),
      );
      await sendTogether(api.sender, api.clock, sends);
      return ok({ tokens: messages.map((message) => message.token) }, 202);
    },
  },
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/uploads",
    does: "a URL to upload a file by: `{ name, input? }`",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { input: wanted, name } = bodyOf(request, Upload);
      const uploads = pipeline.inputs.filter((input) => input.s3);
      const input = inputOf({ ...pipeline, inputs: uploads }, wanted);
      const { prefix, suffix } = input.s3 ?? { prefix: "", suffix: "" };
      if (!name.endsWith(suffix)) {
        throw new Problem(
          422,
          "wrong-suffix",
          `"${name}" does not end in "${suffix}", so nothing would come of it`,
          `the input "${input.name}" takes ${prefix}*${suffix}`,
        );
      }
      const key = prefix + name;
      if (Buffer.byteLength(key) > LIMITS.objectKey.value) {
        throw new Problem(
          422,
          "key-too-long",
          `the key ${prefix}… would have more than ${LIMITS.objectKey.value} bytes`,
        );
      }
      return ok({ key, method: "PUT", url: await api.uploadUrl(key) }, 201);
    },
  },
  {
    method: "GET",
    path: "/v1/tokens/{token}",
    does: "what happened to a token, at each stage",
    handle: async ({ params: { token = "" } }, { plan, jobs, objects }) => {
      const reader = {
        get: jobs.get,
        outputsOf: (commit: Parameters<typeof outputsOf>[0]) => outputsOf(commit, objects),
      };
      for (const pipeline of isId(token) ? plan.pipelines : []) {
        const found = await lineage(token, pipeline, reader);
        if (!found) continue;
        const steps = found.steps.map(({ record, ...step }) => ({
          ...step,
          ...(record && { record: shownJob(record) }),
        }));
        return ok({ pipeline: pipeline.id, ...found, steps, log: tokenLog(found) });
      }
      throw notFound(
        `nothing is known of the token "${token}"`,
        "no attempt at it has ended yet, or the id is another's",
      );
    },
  },
];

function inputOf({ id, inputs }: Pick<PipelinePlan, "id" | "inputs">, name: string | undefined): InputPlan {
  const names = inputs.map((input) => input.name).join(", ") || "none";
  const chosen =
    name === undefined
      ? inputs.length === 1
        ? inputs[0]
        : undefined
      : inputs.find((input) => input.name === name);
  if (chosen) return chosen;
  const what =
    name === undefined ? `"${id}" has ${inputs.length} such inputs` : `"${id}" has no such input "${name}"`;
  throw new Problem(422, "unknown-input", what, `say which input: ${names}`);
}
