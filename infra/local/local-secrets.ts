import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MillraceError } from "../../lib/errors.ts";
import { KEY_RING_SECRET } from "../../lib/job/callback-key.ts";
import type { Plan } from "../../lib/plan/plan.ts";

const fileOf = (directory: string, name: string): string => join(directory, `${name}.json`);

/** The stored values, or those that `make` gives, which are stored for the next time. */
export function keepSecret<Secret extends object>(
  directory: string,
  name: string,
  make: () => Secret,
): Readonly<Secret> {
  const file = fileOf(directory, name);
  if (!existsSync(file)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Whole or not at all: a half-written secret would be taken for the secret.
    writeFileSync(`${file}.new`, JSON.stringify(make()), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return JSON.parse(readFileSync(file, "utf8")) as Secret;
}

/** The secret that callback keys are derived from, made at the first start. */
export function keepKeyRing(directory: string): void {
  const make = () => ({ current: "k1", k1: randomBytes(32).toString("hex") });
  keepSecret(directory, KEY_RING_SECRET, make);
}

/** @throws MillraceError naming every secret that a stage may read and that this machine does not have */
export function requireSecrets(directory: string, plan: Plan): void {
  const names = plan.pipelines.flatMap(({ stages }) => stages.flatMap(({ secrets }) => secrets));
  const missing = [...new Set(names)].filter((name) => !existsSync(fileOf(directory, name)));
  if (missing.length === 0) return;
  throw new MillraceError(
    "missing-secret",
    `this machine has no value for the secret${missing.length > 1 ? "s" : ""} ${missing.join(", ")}`,
    {
      hint: missing
        .map((name) => `write ${fileOf(directory, name)}, readable by you alone: {"VARIABLE": "value"}`)
        .join("\n  "),
    },
  );
}
