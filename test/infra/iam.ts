import { resourcesOf, type Template } from "../../infra/aws/template.ts";
import { resolved } from "./stacks.ts";

/** IAM, as far as the roles of this app need it: allows, wildcards, and the condition on partition keys. */

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Record<string, Record<string, string | readonly string[]>>;
}

export interface FunctionRole {
  /** The function that has the role. */
  readonly functionName: string;
  readonly statements: readonly Statement[];
}

/** The roles of the functions in some templates. */
export function functionRoles(templates: Iterable<Template>): Map<string, FunctionRole> {
  const roles = new Map<string, FunctionRole>();
  for (const template of templates) {
    for (const [, { Properties }] of resourcesOf(template, "AWS::Lambda::Function")) {
      const functionName = String(resolved(Properties.FunctionName));
      const role = template.Resources[String(resolved(Properties.Role))];
      const policies = resolved(role?.Properties?.Policies) as {
        PolicyDocument: { Statement: Statement[] };
      }[];
      const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
      roles.set(functionName, { functionName, statements });
    }
  }
  return roles;
}

export const actionsOf = ({ statements }: FunctionRole): string[] =>
  statements.flatMap(({ Action }) => Action);

/** @param partition the key that the call names, of a table's action */
export function may(
  role: FunctionRole | undefined,
  action: string,
  resource: string,
  partition?: string,
): boolean {
  if (!role) throw new Error("there is no such function");
  return role.statements.some(
    ({ Effect, Action, Resource, Condition = {} }) =>
      Effect === "Allow" &&
      matches(Action, action) &&
      matches(Resource, resource) &&
      Object.entries(Condition).every(([operator, keys]) => holds(operator, keys, partition)),
  );
}

function holds(
  operator: string,
  keys: Record<string, string | readonly string[]>,
  partition: string | undefined,
): boolean {
  const allowed = keys["dynamodb:LeadingKeys"];
  if (operator !== "ForAllValues:StringLike" || allowed === undefined || Object.keys(keys).length !== 1) {
    throw new Error(`a condition that this test does not know: ${operator} ${JSON.stringify(keys)}`);
  }
  return partition === undefined || matches(allowed, partition);
}

const matches = (patterns: string | readonly string[], text: string): boolean =>
  [patterns].flat().some((pattern) => {
    const source = [...pattern].map((char) => (char === "*" ? ".*" : char === "?" ? "." : escaped(char)));
    return new RegExp(`^${source.join("")}$`, "s").test(text);
  });

const escaped = (char: string): string => char.replace(/[\\^$.|()[\]{}+]/, String.raw`\$&`);
