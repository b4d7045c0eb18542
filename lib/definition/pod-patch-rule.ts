import { basePod } from "../cluster/base-pod.ts";
import { patchPod } from "../cluster/pod-patch.ts";
import { fieldsOf, type Graph, type GraphStage, listOf, textOf } from "./graph.ts";
import type { Place, Rule } from "./rule.ts";

/** What a pod's patch comes to is seen by applying it, to a pod like those that the stage will have. */
export const POD_PATCH_RULES: readonly Rule[] = [
  {
    id: "pod-patch",
    hint: "operations of RFC 6902 on the pod's spec, as { op: add, path: /nodeSelector, value: { pool: gpu } }",
    check: (graph, { podAllow }) =>
      graph.stages
        .filter(({ fields }) => fields["podPatch"] !== undefined && textOf(fields["image"]) !== undefined)
        .flatMap((stage) => faultsOf(stage, graph, podAllow)),
  },
];

function faultsOf(stage: GraphStage, graph: Graph, podAllow: readonly string[]): Place[] {
  const { fields, path } = stage;
  const secrets = [
    ...graph.secrets.map(({ name }) => name),
    ...listOf(fields["secrets"]).flatMap((name) => textOf(name) ?? []),
  ];
  const command = listOf(fields["command"]).flatMap((word) => textOf(word) ?? []);
  const env = Object.entries(fieldsOf(fields["env"])).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value]] : [],
  );
  const pullSecret = textOf(fields["pullSecret"]);
  const pod = basePod(
    {
      work: {
        kind: "image",
        image: textOf(fields["image"]) ?? "",
        cpuMillis: 1000,
        memoryMb: 512,
        ...(command.length > 0 && { command }),
        ...(pullSecret !== undefined && { pullSecret }),
      },
      env: Object.fromEntries(env),
      secrets,
    },
    {},
  );
  const patched = patchPod(pod, fields["podPatch"], { secrets }, podAllow);
  if (patched.ok) return [];
  const isList = Array.isArray(fields["podPatch"]);
  return patched.faults.map(({ index, message }) => ({
    path: [...path, "podPatch", ...(isList && index !== undefined ? [index] : [])],
    message: `the podPatch of "${stage.name}": ${message}`,
  }));
}
