import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import type { SecretStore } from "./work.ts";

const Values = z.record(z.string(), z.string());

/** Answers a secret's text: JSON, `{ "VARIABLE": "value" }`. */
export type ReadSecret = (name: string) => Promise<string>;

/** The secrets that a stage's definition lists, and no other. */
export const listedSecrets = (listed: readonly string[], read: ReadSecret): SecretStore => ({
  async get(name) {
    if (!listed.includes(name)) {
      throw new Error(`the stage may not read the secret "${name}": list it under secrets in the definition`);
    }
    return valuesOf(name, await read(name));
  },
});

/** A folder with a file `NAME.json` for each; read when they are asked for. */
export const fileSecret =
  (directory: string): ReadSecret =>
  (name) =>
    readFile(join(directory, `${name}.json`), "utf8");

/** @throws Error without any of the text: it is secret, also when it is wrong */
function valuesOf(name: string, text: string): Readonly<Record<string, string>> {
  const wrong = (what: string): Error =>
    new Error(`the secret "${name}" is not {"VARIABLE": "value"}: ${what}`);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw wrong("it is not JSON");
  }
  const result = Values.safeParse(data);
  if (result.success) return result.data;
  throw wrong(result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}
