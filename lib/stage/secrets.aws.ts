import type { Clock } from "../clock.ts";
import { fileSecret, type ReadSecret } from "./secrets.ts";

interface SecretsEnv {
  readonly MILLRACE_SECRETS?: string | undefined;
  readonly MILLRACE_SECRET_PREFIX: string;
}

/** Where a function finds its secrets. What asks Secrets Manager is loaded by the first stage that needs one. */
export function secretsOf(
  { MILLRACE_SECRETS: directory, MILLRACE_SECRET_PREFIX: prefix }: SecretsEnv,
  clock: Clock,
): ReadSecret {
  if (directory !== undefined) return fileSecret(directory);
  let manager: Promise<ReadSecret> | undefined;
  return async (name) => {
    manager ??= import("./secrets-manager.aws.ts").then(({ managedSecrets }) => managedSecrets(clock));
    return (await manager)(prefix + name);
  };
}
