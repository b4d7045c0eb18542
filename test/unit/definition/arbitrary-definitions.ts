import fc from "fast-check";

/** What fast-check draws definitions from. */

/** DNS-1123 subdomains of at most 63 characters, often short, often with dots and hyphens. */
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,12}[a-z0-9])?$/);
export const name: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-c]([-a-c]{0,2}[a-c])?$/) },
  { weight: 2, arbitrary: fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(".")) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9][-a-z0-9]{61}[a-z0-9]$/) },
);

const light = {
  timeout: fc.integer({ min: 1, max: 885 }).map((seconds) => `${seconds}s`),
  memory: fc.oneof(fc.integer({ min: 128, max: 10_240 }), fc.constantFrom("200.5Mi", "1.3Gi", "10Gi")),
  concurrency: fc.integer({ min: 2, max: 1000 }),
  env: fc.dictionary(fc.constantFrom("MODE", "LANG"), fc.string()),
  secrets: fc.uniqueArray(name, { maxLength: 2 }),
};

const stage = fc.oneof(
  fc.record({ handler: fc.constant("./stages/work.ts"), ...light }, { requiredKeys: ["handler"] }),
  fc.record(
    {
      command: fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }),
      acceptExitCodes: fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 3 }),
      ...light,
    },
    { requiredKeys: ["command"] },
  ),
  fc.record(
    {
      image: fc.constant("ghcr.io/acme/work:1.4"),
      command: fc.constant(["work"]),
      timeout: fc.constantFrom("1.5m", "30h", "90d"),
      pullSecret: name,
    },
    { requiredKeys: ["image"] },
  ),
);

export interface AnyDefinition {
  readonly id: string;
  readonly inputs: Readonly<Record<string, object>>;
  readonly stages: Readonly<Record<string, object>>;
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

/** Definitions in canonical form that must load: directed acyclic graphs with an input for every root. */
export const definition: fc.Arbitrary<AnyDefinition> = fc
  .uniqueArray(name, { minLength: 2, maxLength: 9 })
  .chain(([id = "", ...names]) =>
    fc.record({
      id: fc.constant(id.replaceAll(".", "-")),
      names: fc.constant(names.filter((each) => each !== id.replaceAll(".", "-"))),
      stages: fc.array(stage, { minLength: names.length, maxLength: names.length }),
      // An edge leads from an earlier stage to a later one.
      pairs: fc.uniqueArray(fc.tuple(fc.nat(8), fc.nat(8)), { selector: String, maxLength: 14 }),
      maxAttempts: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    }),
  )
  .filter(({ names }) => names.length > 0)
  .map(({ id, names, stages, pairs, maxAttempts }) => {
    const limited = maxAttempts === undefined ? {} : { maxAttempts };
    const edges = pairs.flatMap(([one, other]) => {
      const [from, to] = [names[one], names[other]];
      return from !== undefined && to !== undefined && one < other ? [{ from, to, ...limited }] : [];
    });
    const targets = new Set(edges.map(({ to }) => to));
    const roots = names.filter((each) => !targets.has(each));
    return {
      id,
      inputs: Object.fromEntries(roots.map((root, index) => [`in-${index}`, { to: root, ...limited }])),
      stages: Object.fromEntries(names.map((each, index) => [each, stages[index] ?? {}])),
      edges,
    };
  });

/** Pieces of definitions and of YAML, in any order. */
export const soup: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          "id",
          "inputs",
          "stages",
          "edges",
          "graph",
          "nodes",
          "secrets",
          "memory",
          "toString",
          "__proto__",
        ],
        ...[
          ": ",
          ":",
          " ",
          "  ",
          "\n",
          "\n  ",
          "\n    ",
          "- ",
          "? ",
          ", ",
          "[",
          "]",
          "{",
          "}",
          "&x ",
          "*x",
          "<<: ",
        ],
        ...[
          "!!map ",
          "!!binary ",
          "!own ",
          "|\n",
          ">-\n",
          '"',
          "'",
          "#",
          "%YAML 1.1\n",
          "---\n",
          "...\n",
          "~",
        ],
        ...["\t", "\r\n", "\r", "\0", "\u2028", "\ufeff", "\ud800", "é", "😀", "0x1F", "1e999", ".nan", "no"],
        ...["apiVersion: kdp.nasa-pds.github.io/v1\n", "kind: Pipeline\n", "spec:\n  "],
      ),
      fc.string({ maxLength: 4, unit: "grapheme" }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(""));

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("30s", "8GB", "1Gi", "a", "./a.ts", "99999999999d", "1.5Mi", "in/"),
);
const fields = (...names: string[]): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(names.map((each) => [each, value])), { requiredKeys: [] });

/** Documents of the right build with anything at all in the places of the values. */
export const misfit: fc.Arbitrary<object> = fc.oneof(
  fc.record(
    {
      id: value,
      inputs: fc.oneof(value, fc.dictionary(name, fields("to", "s3", "maxAttempts"), { maxKeys: 2 })),
      stages: fc.oneof(
        value,
        fc.dictionary(
          name,
          fields(
            ...["handler", "command", "image", "timeout", "memory", "concurrency", "fanout"],
            ...["acceptExitCodes", "env", "secrets", "pullSecret"],
          ),
          { maxKeys: 3 },
        ),
      ),
      edges: fc.oneof(value, fc.array(fields("from", "to", "maxAttempts"), { maxLength: 3 })),
      secrets: value,
    },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      apiVersion: fc.oneof(value, fc.constant("kdp.nasa-pds.github.io/v1")),
      kind: value,
      metadata: value,
      spec: value,
      id: value,
      graph: fc.oneof(value, fields("nodes", "edges", "secrets")),
    },
    { requiredKeys: [] },
  ),
);
