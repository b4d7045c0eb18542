import { expect, test } from "vitest";
import { jsonLog } from "../../lib/log.ts";

function logged(fields: Record<string, unknown>, message = "hello"): string[] {
  const lines: string[] = [];
  jsonLog({ pipeline: "scans" }, (line) => lines.push(line))("info", message, fields);
  return lines;
}

test("no field takes the place of the message, or of what every line says", () => {
  expect(logged({ message: "m-1", level: "none", pipeline: "other" })).toEqual([
    '{"level":"info","message":"hello","pipeline":"scans"}',
  ]);
});

test("a message is one line of JSON, whatever stands in it", () => {
  expect(logged({ job: "j-1", attempt: 2 })).toEqual([
    '{"level":"info","message":"hello","job":"j-1","attempt":2,"pipeline":"scans"}',
  ]);
  expect(logged({ key: undefined }, "two\nlines \u001b[31m")).toEqual([
    '{"level":"info","message":"two\\nlines \\u001b[31m","key":"[redacted]","pipeline":"scans"}',
  ]);
});

test.for([
  "authorization",
  "Authorization",
  "apiKey",
  "x-nonce",
  "clientSecret",
  "receiptHandle",
  "PASSWORD",
  "passphrase",
])("the value of %s is nobody's business", (name) => {
  expect(logged({ [name]: "tell nobody" }).join()).not.toContain("tell nobody");
});

test("a callback key is nobody's business, wherever it stands", () => {
  const key = `mk1.k1.scans.b366ef81-43db-51dc-b35d-70e5629bea9a.1.1767484800.work.${"0".repeat(32)}.${"A-_".repeat(14)}z`;
  const url = `http://127.0.0.1/v1/callbacks?token=${key}&uuid=1`;
  expect(logged({ callback: url, nested: [{ body: key }] }, `no answer from ${url}`)).toEqual([
    '{"level":"info","message":"no answer from http://127.0.0.1/v1/callbacks?token=[redacted]&uuid=1","callback":"http://127.0.0.1/v1/callbacks?token=[redacted]&uuid=1","nested":[{"body":"[redacted]"}],"pipeline":"scans"}',
  ]);
});
