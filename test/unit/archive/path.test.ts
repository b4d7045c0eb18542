import fc from "fast-check";
import { expect, test } from "vitest";
import { instanceName, SESSION } from "../../../lib/archive/instance-name.ts";
import {
  type Archived,
  archivePath,
  archivePrefix,
  LAYOUTS,
  listedPrefix,
} from "../../../lib/archive/path.ts";

const JOB = "58fa9ec7-6c25-5525-94f3-e853335e2f17";
/** 2018-09-13T16:28:43.999Z */
const AT = 1_536_856_123_999;

const ETL: Archived = {
  layout: "v2",
  pipeline: { id: "fcs-etl", version: "0123456789ab" },
  belongsTo: ["UW_BIOFAB", "Yeast-Gates", "sample.uw_biofab.133737/A2"],
  parameters: { file: "AriaFile1.fcs", strict: true },
};

test("an instance is called by two words and the second of its making", () => {
  expect(instanceName(JOB, AT)).toBe("frosty-alpaca-20180913T162843Z");
  expect(instanceName(JOB, AT, "plate-7")).toBe("plate-7-20180913T162843Z");
});

test("every id gives two words of at most eight letters", () => {
  const names = Array.from({ length: 2000 }, (_, index) => instanceName(`job-${index}`, AT));
  expect(names.filter((name) => !/^[a-z]{3,8}-[a-z]{3,8}-20180913T162843Z$/.test(name))).toEqual([]);
  expect(new Set(names).size).toBeGreaterThan(1400);
});

test.for(["abc", "", "-abcd", "a/bc", "..ab", "abcd\n", "a".repeat(65)])("%j names no session", (session) => {
  expect(SESSION.test(session)).toBe(false);
});

/** Written down once, computed by another implementation: records keep these paths, and the same parameters must lead to the same objects after an update. */
test("paths stay what they are", () => {
  expect(archivePath(ETL)).toBe(
    "/products/v2/783b158f705b55f085f1d0319bae6b40/37302062b7be658997e4a20edfb60643/1fd695cfd819223cabdc9beefa67079c",
  );
  expect(archivePath({ ...ETL, instance: "frosty-alpaca-20180913T162843Z" })).toBe(
    "/products/v2/783b158f705b55f085f1d0319bae6b40/37302062b7be658997e4a20edfb60643/1fd695cfd819223cabdc9beefa67079c/frosty-alpaca-20180913T162843Z",
  );
  expect(archivePath({ ...ETL, layout: "v1", instance: "frosty-alpaca-20180913T162843Z" })).toBe(
    "/products/v1/c43c792a-3edc-5f6d-8c31-a1c86a81661a/c7bbf21e-bd05-55f0-a947-8c2fe62ffe3b/7c9ab218-d420-5c34-9116-5afa3f189cef/783b158f-705b-55f0-85f1-d0319bae6b40/frosty-alpaca-20180913T162843Z",
  );
});

test("the order in which parameters are written makes no difference, everything else does", () => {
  const path = archivePath(ETL);
  expect(archivePath({ ...ETL, parameters: { strict: true, file: "AriaFile1.fcs" } })).toBe(path);
  const others: Archived[] = [
    { ...ETL, parameters: { file: "AriaFile1.fcs", strict: false } },
    { ...ETL, parameters: { file: "AriaFile1.fcs", strict: "true" } },
    { ...ETL, parameters: null },
    { ...ETL, belongsTo: ["UW_BIOFAB", "Yeast-Gates"] },
    { ...ETL, belongsTo: ["UW_BIOFAB:Yeast-Gates", "sample.uw_biofab.133737/A2"] },
    { ...ETL, belongsTo: [] },
    { ...ETL, pipeline: { id: "fcs-etl", version: "0123456789ac" } },
    { ...ETL, pipeline: { id: "fcs-etl2", version: "0123456789ab" } },
  ];
  expect(new Set([path, ...others.map(archivePath)]).size).toBe(others.length + 1);
});

test("layout v1 cannot do without what the job belongs to", () => {
  expect(() =>
    archivePath({ ...ETL, layout: "v1", belongsTo: [], instance: "a-b-20180913T162843Z" }),
  ).toThrow(/is not the archive path of a job/);
});

test("whatever the parameters are, the path has a prefix of its own", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...LAYOUTS),
      fc.array(fc.string(), { minLength: 1, maxLength: 3 }),
      fc.jsonValue(),
      fc.uuid(),
      (layout, belongsTo, parameters, job) => {
        const path = archivePath({
          ...ETL,
          layout,
          belongsTo,
          parameters: parameters as null,
          instance: instanceName(job, AT),
        });
        expect(archivePrefix(path)).toBe(`${path.slice(1)}/`);
        expect(path.split("/")).not.toContain("..");
      },
    ),
  );
});

test("what an attempt at a stage put out can be listed, and not wiped", () => {
  const path = "/out/scans/ocr/58fa9ec7-6c25-5525-94f3-e853335e2f17/2";
  expect(listedPrefix(path)).toBe(`${path.slice(1)}/`);
  expect(() => archivePrefix(path)).toThrow("is not the archive path of a job");
  for (const wrong of [
    "/out/scans/ocr/token",
    "/out/",
    "/results/scans/a/b/c",
    `${path}/`,
    "out/scans/ocr/token/2",
  ])
    expect(() => listedPrefix(wrong)).toThrow("is not the archive path of a job");
});

const HASH = "0123456789abcdef0123456789abcdef";
const UUID = "58fa9ec7-6c25-5525-94f3-e853335e2f17";

test.for([
  "",
  "/",
  "/products/",
  "/products/v2",
  "/products/v2/",
  `/products/v2/${HASH}`,
  `/products/v2/${HASH}/${HASH}`,
  `/products/v2/${HASH}/${HASH}/plate-7-20180913T162843Z`,
  `/products/v2/${HASH}/${HASH}/${HASH}/${HASH}/plate-7-20180913T162843Z`,
  `/products/v2/${HASH}/${HASH}/${HASH}/plate-7-20180913T162843Z/part`,
  `/products/v2/${HASH}/${HASH}/${HASH}%2f..`,
  `/products/v2/${HASH}/${HASH}/${HASH}/%2e%2e`,
  `/products/v1/${UUID}`,
  `/products/v1/${UUID}/${UUID}`,
  `/products/v1/${UUID}/plate-7-20180913T162843Z`,
  `/products/v1/${HASH}/${HASH}/plate-7-20180913T162843Z`,
  `/products/v2/${HASH}/${HASH}/`,
  `/products/v2/${HASH}/${HASH}/../../..`,
  `/products/v2/${HASH}/${HASH}/..`,
  `/products/v2/${HASH}/${HASH}/a/b`,
  `/products/v2/${HASH}/${HASH}/a b`,
  `/products/v2/${HASH}/${HASH}/a\n`,
  `/products/v3/${HASH}/${HASH}`,
  `products/v2/${HASH}/${HASH}`,
  `//products/v2/${HASH}/${HASH}`,
  `/results/v2/${HASH}/${HASH}`,
  `/out/products/v2/${HASH}/${HASH}`,
  `/products/v2/short/short`,
])("%j has no prefix that could be wiped", (path) => {
  expect(() => archivePrefix(path)).toThrow("is not the archive path of a job");
});
