import * as z from "zod";
import {
  reject,
  type StageContext,
  type StageDefinition,
  stage,
  type Token,
} from "../../../lib/stage/stage.ts";
import type { Json } from "../../../lib/token/json.ts";
import type { Prng } from "../world/prng.ts";
import type { StageName } from "./pipeline.ts";
import { Data, newData } from "./poison.ts";

/** What the world does to user code while it runs. */
export interface Hazards {
  readonly prng: Prng;
  readonly poisonRate: number;
  /** How long the work takes, milliseconds. */
  duration(): number;
  wait(ms: number): Promise<void>;
  /** Whether the stage fails this time, through no fault of the token. */
  fails(stage: StageName): boolean;
  /** The function dies. Nothing comes after it. */
  die(): Promise<never>;
  /** Told of every run of user code. */
  ran(stage: StageName, token: string): void;
}

/** An envelope holds 4096 bytes of payload: this is more. */
const SPILLS = 6000;
/** Three of these exceed the 8192 bytes that a row takes, and each fits into an envelope. */
const CROWDS = 3000;

/** What `merge` takes. */
const NotRefused = z.looseObject({
  poison: z
    .looseObject({ how: z.string() })
    .refine(({ how }) => how !== "input")
    .optional(),
});

/** Ordinary user code, as pipelines have it, for each stage of the scenario. */
export function definitionsWith(hazards: Hazards): Readonly<Record<StageName, StageDefinition>> {
  const { prng, poisonRate } = hazards;
  const fresh = (size = 0): Data => newData(prng, poisonRate, size);

  return {
    split: plain(async (token, context) => {
      const data = await begin("split", token, context, hazards);
      if (token.objects[0]) await context.text(token.objects[0]);
      return sizesOf(prng).map((size) => ({ data: { ...data, ...fresh(size) } }));
    }),

    sort: plain(async (token, context) => {
      const data = await begin("sort", token, context, hazards);
      const targets = [
        ["left"],
        ["right"],
        ["left", "right"],
        ["review"],
        ["right", "review"],
        ["render"],
        ["left", "render"],
        ["stamp"],
      ];
      const to = prng.chance(0.03) ? ["bake"] : prng.pick(targets);
      context.emit({ data: { ...data, nonce: prng.hex(8) }, objects: token.objects, to });
      return prng.chance(0.1) ? { data: { ...data, nonce: prng.hex(8) }, to: "right" } : [];
    }),

    left: plain(async (token, context) => {
      const data = await begin("left", token, context, hazards);
      const content = prng.hex(24);
      const object = await context.write("part.txt", content);
      return { data: { ...data, content }, objects: [object] };
    }),

    right: plain(async function* (token, context) {
      const data = await begin("right", token, context, hazards);
      yield { data: { ...data, nonce: prng.hex(8) } };
      await hazards.wait(prng.below(50));
      if (prng.chance(0.1)) yield { data: { ...data, nonce: prng.hex(8) } };
    }),

    merge: stage({
      input: NotRefused,
      run: async (token, context) => {
        const data = await begin("merge", token as Token, context, hazards);
        await readBack(data, token as Token, context);
        return { data: { ...data, nonce: prng.hex(8) }, objects: token.objects };
      },
    }) as StageDefinition,

    last: plain(async (token, context) => {
      const data = await begin("last", token, context, hazards);
      await readBack(data, token, context);
      const { existed } = await context.publish(`${token.id}.txt`, `published ${data.nonce}`);
      if (existed) reject("the result is somebody else's");
    }),
  };
}

type Run = (token: Token, context: StageContext) => unknown;

const plain = (run: Run): StageDefinition => stage({ run: run as StageDefinition["run"] });

/** 0 to 4 outputs; sometimes one that spills, sometimes too many for a row, rarely more than a batch of messages. */
function sizesOf(prng: Prng): number[] {
  if (prng.chance(0.025)) return Array.from({ length: 12 }, () => 0);
  if (prng.chance(0.06)) return [CROWDS, CROWDS, CROWDS];
  if (prng.chance(0.08)) return [SPILLS, 0];
  return Array.from({ length: prng.below(5) }, () => 0);
}

/** What every run begins with: the token's data, and whatever the world and the token have in store for it. */
async function begin(name: StageName, token: Token, context: StageContext, hazards: Hazards): Promise<Data> {
  hazards.ran(name, token.id);
  // What fills one envelope is not passed on to the next. An upload has no data of its own.
  const { padding, ...data } = token.data === null ? newData(hazards.prng, 0, 0) : Data.parse(token.data);
  await hazards.wait(hazards.duration());
  if (hazards.fails(name)) throw new Error("the stage is out of order");
  if (data.poison?.stage !== name) return data;
  switch (data.poison.how) {
    case "throw":
      throw new Error("poison");
    case "reject":
      return reject("poison");
    case "hang":
      return new Promise<never>(() => {});
    case "kill":
      return hazards.die();
    case "output":
      context.emit({ data: undefined, unknown: true } as { data: Json | undefined });
      return data;
    case "input":
      throw new Error("the stage's schema lets poison through");
  }
}

/** An object says what its token says of it, or the attempts got mixed up. */
async function readBack({ content }: Data, token: Token, context: StageContext): Promise<void> {
  const [object] = token.objects;
  if (content === undefined || !object) return;
  const found = await context.text(object);
  if (found !== content) reject(`the object says ${found}, its token ${content}`);
}
