import { RESOURCES, type Resource } from "./resources.ts";

const GROUPS = [...new Set(Object.values(RESOURCES).map(({ group }) => group))].filter(
  (group) => group !== "",
);

/** What tools ask first to learn what there is; undefined when the path asks for something else. */
export function discovery(path: string): object | undefined {
  if (path === "/version")
    return { major: "1", minor: "36", gitVersion: "v1.36.0-millrace", platform: process.platform };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: GROUPS.map(groupOf) };
  if (path === "/api/v1") return resourcesOf("");
  const group = GROUPS.find((each) => path === `/apis/${each}/v1`);
  return group === undefined ? undefined : resourcesOf(group);
}

function groupOf(name: string): object {
  const version = { groupVersion: `${name}/v1`, version: "v1" };
  return { name, versions: [version], preferredVersion: version };
}

const resourcesOf = (group: string): object => ({
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: group === "" ? "v1" : `${group}/v1`,
  resources: (Object.values(RESOURCES) as Resource[])
    .filter((resource) => resource.group === group)
    .map(({ plural, singular, kind, isNamespaced, verbs, shortNames }) => ({
      name: plural,
      singularName: singular,
      namespaced: isNamespaced,
      kind,
      verbs,
      ...(shortNames && { shortNames }),
    })),
});
