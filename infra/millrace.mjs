#!/usr/bin/env node
// Runs the command line on Node 24, which executes TypeScript as it stands. An older Node that starts this file hands over
// to the one among the project's own packages. Plain JavaScript, so that any Node can read it.
import { spawn } from "node:child_process";
import module, { createRequire } from "node:module";
import { dirname, join } from "node:path";

// Compiled code is kept between starts: half of what loading costs.
module.enableCompileCache?.();

if (Number(process.versions.node.split(".")[0]) >= 24) {
  await import("./cli.ts");
} else {
  const node = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
  const cli = join(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), "cli.ts");
  const child = spawn(node, [cli, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both; a signal sent to this process alone is passed on.
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  process.on("SIGINT", () => {});
  child.on("error", (error) => {
    process.stderr.write(`cannot start Node 24 from the project's packages: ${error.message}\nrun: npm ci\n`);
    process.exitCode = 3;
  });
  child.on("exit", (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 3;
  });
}
