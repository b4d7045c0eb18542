/** What a stage's work can be. */
export const KINDS = ["handler", "command", "image", "external"] as const;
export type Kind = (typeof KINDS)[number];

/** `image` with `command` is a container; `command` alone is a program that the function runs. */
export function kindOf(fields: Readonly<Record<string, unknown>>): Kind | undefined {
  if (fields["image"] !== undefined) return fields["handler"] === undefined ? "image" : undefined;
  const given = KINDS.filter((kind) => fields[kind] !== undefined);
  return given.length === 1 ? given[0] : undefined;
}
