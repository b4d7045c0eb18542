import { makePlan, type PipelinePlan } from "../../lib/plan/plan.ts";
import { loaded } from "./definition/loading.ts";

/** A plan to test with: `split → ocr → publish`, with an input for uploads and one for puts. */
export const scans: PipelinePlan = makePlan([
  loaded(`
    id: scans
    inputs:
      incoming: { s3: { prefix: incoming/, suffix: .tgz }, to: split }
      replays: { to: split }
    stages:
      split: { command: [split] }
      ocr: { command: [ocr] }
      publish: { command: [publish] }
    edges:
      - { from: split, to: ocr }
      - { from: ocr, to: publish }`),
]).pipelines[0]!;
