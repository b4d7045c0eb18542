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
