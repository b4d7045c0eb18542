import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileSecret, listedSecrets } from "../../../lib/stage/secrets.ts";
import type { SecretStore } from "../../../lib/stage/work.ts";
import { folder } from "./shell.ts";

const secretsIn = (directory: string, listed: readonly string[]): SecretStore =>
  listedSecrets(listed, fileSecret(directory));

test("a secret is a file of variables", async () => {
  const directory = folder();
  writeFileSync(join(directory, "gpg.json"), '{ "PASSPHRASE": "tell nobody" }');
  expect(await secretsIn(directory, ["gpg"]).get("gpg")).toEqual({ PASSPHRASE: "tell nobody" });
});

test("a stage reads no secret that its definition does not list, wherever the file lies", async () => {
  const directory = folder();
  writeFileSync(join(directory, "gpg.json"), "{}");
  for (const name of ["gpg", "../gpg", ""]) {
    await expect(secretsIn(directory, ["other"]).get(name)).rejects.toThrow(
      `the stage may not read the secret "${name}": list it under secrets in the definition`,
    );
  }
});

test("a secret that is not there, or is no map of texts", async () => {
  const directory = folder();
  writeFileSync(join(directory, "broken.json"), '{ "PORT": 7 }');
  writeFileSync(join(directory, "plain.json"), "hunter2");
  const secrets = secretsIn(directory, ["missing", "broken", "plain"]);
  await expect(secrets.get("missing")).rejects.toThrow("ENOENT");
  await expect(secrets.get("broken")).rejects.toThrow(
    'the secret "broken" is not {"VARIABLE": "value"}: PORT: Invalid input: expected string, received number',
  );
  await expect(secrets.get("plain")).rejects.toThrow(
    /^the secret "plain" is not {"VARIABLE": "value"}: it is not JSON$/,
  );
});
