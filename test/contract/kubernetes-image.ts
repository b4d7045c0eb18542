/** Has a shell, `sleep` and little else. Here its programs are the machine's own. */
export const IMAGE = "busybox:1.37";
export const MISSING_IMAGE = "registry.invalid/nobody/nothing:1";

/** A process of a pod that is forgotten is found by the mark of the test run. */
export const IMAGE_ENV = {
  PATH: process.env["PATH"] ?? "",
  MILLRACE_TEST_RUN: process.env["MILLRACE_TEST_RUN"] ?? "",
};

export const resolveImage = (image: string): readonly string[] | "missing" =>
  image === IMAGE ? [] : "missing";
