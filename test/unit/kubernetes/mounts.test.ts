import { expect, test } from "vitest";
import { pathsOf } from "../../../infra/local/kubernetes/mounts.ts";

const paths = pathsOf(
  {
    name: "main",
    image: "any",
    volumeMounts: [
      { name: "scratch", mountPath: "/scratch/" },
      { name: "part", mountPath: "/scratch/part", subPath: "in" },
      { name: "tmp", mountPath: "/tmp" },
    ],
  },
  "/pods/1/volumes",
  "/pods/1/last-words",
);

test.for([
  ["/scratch", "/pods/1/volumes/scratch"],
  ["/scratch/a b", "/pods/1/volumes/scratch/a b"],
  ["/scratch/part/a", "/pods/1/volumes/part/in/a"],
  ["/scratch/parts", "/pods/1/volumes/scratch/parts"],
  ["--in=/scratch:/tmp", "--in=/pods/1/volumes/scratch:/pods/1/volumes/tmp"],
  ["cat '/scratch/a' >/dev/termination-log", "cat '/pods/1/volumes/scratch/a' >/pods/1/last-words"],
] as const)("%s is %s", ([text, expected]) => {
  expect(paths.localize(text)).toBe(expected);
});

test.for([
  "/scratches",
  "/scratch-old",
  "/home/scratch",
  "./scratch",
  "https://example.org/scratch",
  "/usr/tmp",
  "/tmp2/x",
])("%s is no path of a volume", (text) => {
  expect(paths.localize(text)).toBe(text);
});

test.for(['{"path":"/scratch"}', '["/scratch"]', ' "/scratch"'])("the JSON %s is data", (text) => {
  expect(paths.localizeValue(text)).toBe(text);
});
