import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import type { SecretStore } from "./work.ts";

const Values = z.record(z.string(), z.string());

/** Secrets as JSON files in a folder, `NAME.json` with `{ "VARIABLE": "value" }`; read when they are asked for. */
export const fileSecrets = (directory: string | undefined, allowed: readonly string[]): SecretStore => ({
  async get(name) {
    if (!allowed.includes(name)) {
      throw new Error(`the stage may not read the secret "${name}": list it under secrets in the definition`);
    }
    if (directory === undefined) throw new Error(`there is no store to read the secret "${name}" from`);
    return Values.parse(JSON.parse(await readFile(join(directory, `${name}.json`), "utf8")));
  },
});
