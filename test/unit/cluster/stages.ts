import type { HeavyStage } from "../../../lib/cluster/base-pod.ts";
import type { ClusterSettings } from "../../../lib/cluster/manifest.ts";
import type { JobIdentity } from "../../../lib/job/record.ts";

export const STAGE: HeavyStage = {
  name: "ocr",
  work: {
    kind: "image",
    image: "ghcr.io/acme/ocr:1.4",
    command: ["ocr", "--in", "$(MILLRACE_IN)"],
    cpuMillis: 4000,
    memoryMb: 8192,
  },
  timeoutSeconds: 3600,
  function: {
    name: "millrace_scans_ocr",
    timeoutSeconds: 30,
    memoryMb: 512,
    batchSize: 10,
    maxConcurrency: 5,
  },
  fanout: "copy",
  in: ["extract_ocr"],
  out: [],
  env: { MODE: "fast" },
  secrets: ["mc-config"],
};

export const JOB: JobIdentity = {
  id: "0f8fad5b-d9cb-469f-a165-70867728950e",
  pipeline: "scans",
  stage: "ocr",
  edge: "extract_ocr",
  token: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
  run: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
};

export const SETTINGS: ClusterSettings = {
  app: "millrace",
  namespace: "millrace",
  agentImage: "registry/agent:1",
  apiUrl: "https://api.example",
  podAllow: [],
};

export const heavyStage = (
  work: Partial<HeavyStage["work"]>,
  rest: Partial<HeavyStage> = {},
): HeavyStage => ({
  ...STAGE,
  ...rest,
  work: { ...STAGE.work, ...work },
});
