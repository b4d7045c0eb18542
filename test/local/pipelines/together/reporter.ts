import { readFileSync } from "node:fs";

/** Speaks HTTP, and says itself how its token has ended. */
const { MILLRACE_CALLBACK = "", MILLRACE_KEY = "" } = process.env;
const measured = JSON.parse(readFileSync("kdp_input.json", "utf8")) as { name: string };
const body =
  measured.name === "unwanted"
    ? { event: "fail", data: { message: "nobody wants it" } }
    : { event: "finish", data: { outputs: [{ data: { ...measured, reported: true } }] } };
if (measured.name !== "silent") {
  const { status } = await fetch(MILLRACE_CALLBACK, {
    method: "POST",
    headers: { authorization: `Bearer ${MILLRACE_KEY}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  process.exitCode = status === 200 ? 0 : 1;
}
