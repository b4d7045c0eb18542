import fc from "fast-check";
import { expect, test } from "vitest";
import {
  arrivalPayloadKey,
  attemptPrefix,
  deadQueueName,
  edgeNames,
  ingestFunctionName,
  intakeQueueName,
  isDeadQueue,
  queueName,
  stageFunctionName,
} from "../../../lib/plan/names.ts";
import { name } from "../definition/arbitrary-definitions.ts";

const LONG = "a".repeat(63);

test("names as they are seen outside", () => {
  expect(queueName("millrace", "scans", "extract", "ocr")).toBe("millrace_scans_extract_ocr");
  expect(queueName("millrace", "scans", "", "decrypt")).toBe("millrace_scans__decrypt");
  expect(intakeQueueName("millrace", "scans")).toBe("millrace_scans_INTAKE");
  expect(deadQueueName("millrace_scans__decrypt")).toBe("millrace_scans__decrypt_DEAD");
  expect(stageFunctionName("millrace", "scans", "ocr")).toBe("millrace_scans_ocr");
  expect(ingestFunctionName("millrace", "scans")).toBe("millrace_scans_INGEST");
});

test("dots become what no name contains", () => {
  expect(queueName("millrace", "p", "a.b", "c")).toBe("millrace_p_aDb_c");
  expect(stageFunctionName("millrace", "p", "v1.2.3")).toBe("millrace_p_v1D2D3");
});

test("the edges x → y-z and x-y → z do not share a queue", () => {
  expect(queueName("m", "p", "x", "y-z")).toBe("m_p_x_y-z");
  expect(queueName("m", "p", "x-y", "z")).toBe("m_p_x-y_z");
});

test("what is too long is cut and told apart by a hash: names of 63 characters stay within 80 and 64", () => {
  const queue = queueName("millrace", LONG, LONG, LONG);
  expect(queue).toBe(`millrace_${"a".repeat(54)}_Hda1e3f8a91`);
  expect(queue).toHaveLength(75);
  expect(deadQueueName(queue)).toHaveLength(80);
  expect(intakeQueueName("millrace", LONG)).toHaveLength(75);
  expect(stageFunctionName("millrace", LONG, LONG)).toHaveLength(64);
  expect(ingestFunctionName("millrace", LONG)).toHaveLength(64);
});

test("nobody can give a stage a name that looks like a cut one", () => {
  const cut = queueName("m", "p", "a".repeat(60), "b".repeat(60));
  const [, , from = "", hash = ""] = cut.split("_");
  expect(hash).toMatch(/^H[0-9a-f]{10}$/);
  expect(queueName("m", "p", from, hash.toLowerCase())).not.toBe(cut);
  expect(queueName("m", "p", from, hash.slice(1))).not.toBe(cut);
});

test("a queue that is named after another is a dead-letter queue", () => {
  expect(isDeadQueue("millrace_scans__decrypt_DEAD")).toBe(true);
  expect(isDeadQueue("millrace_scans_dead_decrypt")).toBe(false);
  expect(isDeadQueue("millrace_scans_x_dead")).toBe(false);
});

test("keys of objects", () => {
  expect(attemptPrefix("scans", "ocr", "token-1", "attempt-1")).toBe("out/scans/ocr/token-1/attempt-1/");
  expect(arrivalPayloadKey("scans", "token-1", "0f0f")).toBe("out/scans/_arrivals/token-1/0f0f.json");
});

/** Names that differ only where a careless encoding would not see it. */
const lookalike = fc.oneof(
  name,
  fc.stringMatching(/^a{55}[-.a]{0,7}a$/).filter((text) => !/\.[-.]|-\./.test(text)),
  fc.constantFrom("a", "a-a", "a.a", "ada", "a-a-a", "a.a-a", "a-a.a"),
);
const edge = fc.record({
  pipeline: lookalike.map((text) => text.replaceAll(".", "-")),
  from: fc.oneof(lookalike, fc.constant("")),
  to: lookalike,
});

test("different edges have different queues, of characters that SQS allows", () => {
  fc.assert(
    fc.property(edge, edge, (one, other) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other));
      const names = [one, other].map(({ pipeline, from, to }) => queueName("millrace", pipeline, from, to));
      expect(names[0]).not.toBe(names[1]);
      for (const each of [...names, ...names.map(deadQueueName), intakeQueueName("millrace", one.pipeline)]) {
        expect(each).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
      }
      expect(names).not.toContain(intakeQueueName("millrace", one.pipeline));
      expect(names.map(isDeadQueue)).toEqual([false, false]);
    }),
    { numRuns: 1000 },
  );
});

test("different stages have different functions, of characters that Lambda allows", () => {
  fc.assert(
    fc.property(edge, edge, (one, other) => {
      fc.pre(one.pipeline !== other.pipeline || one.to !== other.to);
      const names = [one, other].map(({ pipeline, to }) => stageFunctionName("millrace", pipeline, to));
      expect(names[0]).not.toBe(names[1]);
      for (const each of names) expect(each).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(names).not.toContain(ingestFunctionName("millrace", one.pipeline));
    }),
    { numRuns: 500 },
  );
});

test("what people call edges: joined by a hyphen, unless two would be called alike", () => {
  const edges = [
    { from: "", to: "x" },
    { from: "x", to: "y-z" },
    { from: "x-y", to: "z" },
    { from: "x", to: "x-y" },
  ];
  expect(edgeNames("p", edges)).toEqual(["p", "x_y-z", "x-y_z", "x-x-y"]);
});

test("the queues of several inputs are called after the stages that they lead to", () => {
  expect(
    edgeNames("p", [
      { from: "", to: "a" },
      { from: "", to: "b" },
      { from: "a", to: "b" },
    ]),
  ).toEqual(["p-a", "p-b", "a-b"]);
});

test("an input and an edge that would be called alike", () => {
  expect(
    edgeNames("a-b", [
      { from: "", to: "a" },
      { from: "a", to: "b" },
    ]),
  ).toEqual(["a-b_a", "a_b"]);
});
