/** What a stage's work can be. */
export const KINDS = ["handler", "command", "image", "external"] as const;
export type Kind = (typeof KINDS)[number];

/** `image` with `command` is a container; `command` alone is a program that the function runs. */
export function kindOf(fields: Readonly<Record<string, unknown>>): Kind | undefined {
  const given = KINDS.filter((kind) => fields[kind] !== undefined);
  const [only, ...others] = given.includes("image") ? given.filter((kind) => kind !== "command") : given;
  return others.length === 0 ? only : undefined;
}
