import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileSecrets } from "../../../lib/stage/secrets.ts";
import { folder } from "./shell.ts";

test("a secret is a file of variables", async () => {
  const directory = folder();
  writeFileSync(join(directory, "gpg.json"), '{ "PASSPHRASE": "tell nobody" }');
  expect(await fileSecrets(directory, ["gpg"]).get("gpg")).toEqual({ PASSPHRASE: "tell nobody" });
});

test("a stage reads no secret that its definition does not list, wherever the file lies", async () => {
  const directory = folder();
  writeFileSync(join(directory, "gpg.json"), "{}");
  for (const name of ["gpg", "../gpg", ""]) {
    await expect(fileSecrets(directory, ["other"]).get(name)).rejects.toThrow(
      `the stage may not read the secret "${name}": list it under secrets in the definition`,
    );
  }
});

test("a secret that is not there, or is no map of texts", async () => {
  const directory = folder();
  writeFileSync(join(directory, "broken.json"), '{ "PORT": 7 }');
  const secrets = fileSecrets(directory, ["missing", "broken"]);
  await expect(secrets.get("missing")).rejects.toThrow("ENOENT");
  await expect(secrets.get("broken")).rejects.toThrow("expected string, received number");
  await expect(fileSecrets(undefined, ["gpg"]).get("gpg")).rejects.toThrow(
    'there is no store to read the secret "gpg" from',
  );
});
