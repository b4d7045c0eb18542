import fc from "fast-check";
import { expect, test } from "vitest";
import {
  childTokenId,
  jobId,
  objectTokenId,
  putTokenId,
  strayTokenId,
  traceparent,
} from "../../../lib/token/ids.ts";

/** Written down once, computed by another implementation of RFC 9562: tokens in flight are known by these. */
test("ids stay what they are", () => {
  expect(objectTokenId("scans", "incoming", "uploads", "incoming/page 1.tgz", "v1")).toBe(
    "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c",
  );
  expect(putTokenId("scans", "incoming", "order-7")).toBe("9959a0da-5247-5dfd-aff5-327efc963fc3");
  expect(putTokenId("p", "in", "naïve 😀")).toBe("337a06d8-1507-5c1a-b798-1bae0d6190d9");
  expect(strayTokenId("extract_ocr", "m-1")).toBe("aa4d9085-96ac-5ba0-87f8-b770374c6f46");
  const job = jobId("scans", "ocr", "3f2b1c9e-0000-5000-8000-000000000000");
  expect(job).toBe("b366ef81-43db-51dc-b35d-70e5629bea9a");
  expect(childTokenId(job, "ocr_publish", 0)).toBe("ea6ea268-4266-5e19-b082-fa338adbf11d");
});

test("the trace is the run, the span comes from the job", () => {
  expect(traceparent("3f2b1c9e-0000-5000-8000-000000000000", "b366ef81-43db-51dc-b35d-70e5629bea9a")).toBe(
    "00-3f2b1c9e000050008000000000000000-19af712a68692da8-01",
  );
});

test.for([
  [
    ["a:b", "c"],
    ["a", "b:c"],
  ],
  [
    ["1:a", ""],
    ["", "1:a"],
  ],
  [
    ["a3:b", "c"],
    ["a", "3:bc"],
  ],
  [
    ["ab", ""],
    ["a", "b"],
  ],
] as [[string, string], [string, string]][])("%j and %j are told apart", ([[a, b], [c, d]]) => {
  expect(putTokenId("p", a, b)).not.toBe(putTokenId("p", c, d));
  expect(strayTokenId(a, b)).not.toBe(strayTokenId(c, d));
});

/** Texts full of what an encoding of parts may stumble over. */
const part = fc.oneof(
  fc.stringMatching(/^[0-9:]{0,4}$/),
  fc.string({ maxLength: 3, unit: "grapheme" }),
  fc.constantFrom("object", "put", "child", "", "é", "e\u0301"),
);

test("whatever the parts are, only equal parts give equal ids", () => {
  const three = fc.tuple(part, part, part);
  fc.assert(
    fc.property(three, three, (one, other) => {
      const isSame = one.every((each, index) => each === other[index]);
      expect(putTokenId(...one) === putTokenId(...other)).toBe(isSame);
      expect(jobId(...one) === jobId(...other)).toBe(isSame);
    }),
    { numRuns: 2000 },
  );
});

test("ids of different kinds differ, whatever they are made of", () => {
  fc.assert(
    fc.property(part, part, part, (a, b, c) => {
      expect(
        new Set([putTokenId(a, b, c), jobId(a, b, c), strayTokenId(a, b), childTokenId(a, b, 0)]).size,
      ).toBe(4);
    }),
    { numRuns: 500 },
  );
});

test("every output of a job on every edge is a token of its own", () => {
  const ids = ["a_b", "a_c"].flatMap((edge) =>
    Array.from({ length: 100 }, (_, index) =>
      childTokenId("b366ef81-43db-51dc-b35d-70e5629bea9a", edge, index),
    ),
  );
  expect(new Set(ids).size).toBe(200);
});
