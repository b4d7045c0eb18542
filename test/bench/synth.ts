import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chain, numbered } from "../infra/plans.ts";

/**
 * Prints what `cdk synth` costs for pipelines of many edges, checks included: `node test/bench/synth.ts [edges…]`. Stages in a
 * row, each with a module of its own. CPU time, because a busy machine makes anything else meaningless.
 */
const ROOT = join(import.meta.dirname, "../..");
const sizes = process.argv.slice(2).map(Number);

for (const edges of sizes.length > 0 ? sizes : [1, 10, 100, 300]) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-synth-"));
  try {
    const names = numbered(edges);
    mkdirSync(join(folder, "p"));
    writeFileSync(join(folder, "p/pipeline.json"), chain("p", names));
    for (const name of names) {
      writeFileSync(join(folder, `p/${name}.ts`), `export default { run: () => ({ data: "${name}" }) };\n`);
    }
    const { status, stdout, stderr } = spawnSync(
      "sh",
      [
        "-c",
        `cdk synth --quiet -c pipelines=${folder} --output ${join(folder, "out")}; code=$?; times; exit $code`,
      ],
      { cwd: ROOT, encoding: "utf8", env: { ...process.env, CDK_DISABLE_CLI_TELEMETRY: "true" } },
    );
    if (status !== 0) throw new Error(`cdk synth of ${edges} edges failed:\n${stdout}\n${stderr}`);
    const templates = readdirSync(join(folder, "out")).filter((file) => file.endsWith(".template.json"));
    process.stdout.write(
      `${String(edges).padStart(5)} edges ${String(templates.length).padStart(4)} templates ${cpuOf(stdout).toFixed(1).padStart(6)} CPU s\n`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The second line of `times`: user and system time of all that has ended, as `0m12.345s 0m1.234s`. */
function cpuOf(output: string): number {
  const [line = ""] = output.trim().split("\n").slice(-1);
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}
