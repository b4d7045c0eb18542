import { expect, test } from "vitest";
import { pathsOf } from "../../../infra/local/kubernetes/mounts.ts";

const paths = pathsOf(
  {
    name: "main",
    image: "any",
    volumeMounts: [
      { name: "work", mountPath: "/work/" },
      { name: "part", mountPath: "/work/part", subPath: "in" },
      { name: "tmp", mountPath: "/tmp" },
    ],
  },
  "/pods/1/volumes",
  "/pods/1/last-words",
);

test.for([
  ["/work", "/pods/1/volumes/work"],
  ["/work/a b", "/pods/1/volumes/work/a b"],
  ["/work/part/a", "/pods/1/volumes/part/in/a"],
  ["/work/parts", "/pods/1/volumes/work/parts"],
  ["--in=/work:/tmp", "--in=/pods/1/volumes/work:/pods/1/volumes/tmp"],
  ["cat '/work/a' >/dev/termination-log", "cat '/pods/1/volumes/work/a' >/pods/1/last-words"],
] as const)("%s is %s", ([text, expected]) => {
  expect(paths.localize(text)).toBe(expected);
});

test.for([
  "/workers",
  "/work-old",
  "/home/work",
  "./work",
  "https://example.org/work",
  "/usr/tmp",
  "/tmp2/x",
])("%s is no path of a volume", (text) => {
  expect(paths.localize(text)).toBe(text);
});

test.for(['{"path":"/work"}', '["/work"]', ' "/work"'])("the JSON %s is data", (text) => {
  expect(paths.localizeValue(text)).toBe(text);
});
