/** As much of a CloudFormation template as rules and comparisons look at. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is anything; what is read of it is checked where it is used
  readonly Properties?: any;
}

/** The resources of a type, with their logical ids. */
export const resourcesOf = ({ Resources }: Template, type: string): [string, Resource][] =>
  Object.entries(Resources).filter(([, { Type }]) => Type === type);

/** The resource of this template that a value refers to, if it does. */
export function referenced(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("Ref" in value && typeof value.Ref === "string") return value.Ref;
  if (!("Fn::GetAtt" in value)) return undefined;
  const target = value["Fn::GetAtt"];
  if (Array.isArray(target)) return String(target[0]);
  return String(target).split(".")[0];
}
