#!/usr/bin/env node
// Runs the command line on Node 24, which executes TypeScript as it stands. An older Node that starts this file hands over
// to the one among the project's own packages. Plain JavaScript, so that any Node can read it.
import { spawn } from "node:child_process";
import module, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NOT_INSTALLED = "the project's packages are not installed: run npm ci\n";

// Compiled code is kept between starts: half of what loading costs.
module.enableCompileCache?.();

if (Number(process.versions.node.split(".")[0]) >= 24) {
  await import("./cli.ts").catch((error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    fail(`${NOT_INSTALLED}(${error.message})\n`);
  });
} else {
  const node = nodeOfPackages();
  if (node === undefined) fail(NOT_INSTALLED);
  else handOver(node);
}

function nodeOfPackages() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
  } catch {
    return undefined;
  }
}

function handOver(node) {
  const cli = join(dirname(fileURLToPath(import.meta.url)), "cli.ts");
  // By the channel, the other one notices when this process is killed, and does not live on by itself.
  const child = spawn(node, [cli, ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`cannot start ${node}: ${error.message}\n`));
  child.on("exit", (code, signal) => {
    if (code !== null) process.exitCode = code;
    else endBy(signal);
  });
}

/** As the other one has ended: a signal that is passed on would not end this process. */
function endBy(signal) {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function fail(message) {
  process.stderr.write(message);
  process.exitCode = 3;
}
