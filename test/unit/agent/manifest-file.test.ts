import { expect, test } from "vitest";
import { manifestKey, readManifest } from "../../../lib/agent/manifest-file.ts";

const OF = { job: "j", attempt: 2, path: "/out/p/s/t/2" };
const object = (key: string) => ({ key, size: 1, etag: '"e"' });
const manifest = (more: object = {}) =>
  JSON.stringify({
    v: 1,
    job: "j",
    attempt: 2,
    pod: "uid-1",
    outputs: [{ data: { a: 1 }, objects: [object("out/p/s/t/2/uid-1/a.png")] }],
    ...more,
  });

test("a manifest lies below the attempt's path, and is read as it was written", () => {
  expect(manifestKey("/out/p/s/t/2")).toBe("out/p/s/t/2/_manifest.json");
  expect(readManifest(manifest(), OF).outputs).toEqual([
    { data: { a: 1 }, objects: [{ key: "out/p/s/t/2/uid-1/a.png", size: 1, etag: '"e"' }] },
  ]);
});

test.for([
  ["no JSON", "{", "is not JSON: "],
  ["another version", manifest({ v: 2 }), "is wrong at v: "],
  ["an unknown field", manifest({ more: 1 }), 'is wrong: Unrecognized key: "more"'],
  ["a pod that leads elsewhere", manifest({ pod: "../1" }), "is wrong at pod: "],
  ["another attempt's", manifest({ attempt: 1 }), "is that of attempt 1 of the job j"],
  ["another job's", manifest({ job: "k" }), "is that of attempt 2 of the job k"],
  [
    "an object of another pod",
    manifest({ outputs: [{ objects: [object("out/p/s/t/2/uid-2/a.png")] }] }),
    "names the object out/p/s/t/2/uid-2/a.png, which is not below out/p/s/t/2/uid-1/",
  ],
  [
    "an object of another pipeline",
    manifest({ outputs: [{ objects: [object("out/other/s/t/2/uid-1/a.png")] }] }),
    "names the object out/other/s/t/2/uid-1/a.png",
  ],
] as const)("%s is refused", ([, text, message]) => {
  expect(() => readManifest(text, OF)).toThrow(`the attempt's manifest ${message}`);
});
