import { expect, test } from "vitest";
import { quantity } from "../../../infra/local/kubernetes/quantities.ts";

test.for([
  ["500m", 0.5],
  ["2", 2],
  ["1.5", 1.5],
  ["1e3", 1000],
  ["128Ki", 131_072],
  ["1Gi", 1_073_741_824],
  ["2G", 2_000_000_000],
] as const)("%s is %d", ([text, expected]) => {
  expect(quantity(text)).toBe(expected);
});

test.for(["", "much", "1 Gi", "1gi", "Gi", "1GiB"])("%j is no quantity", (text) => {
  expect(quantity(text)).toBeNaN();
});
