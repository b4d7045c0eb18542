/**
 * Serves a directory until it is killed. It says where in the first line that it prints, and answers any message with its
 * peak memory in bytes. Its consumer is slow and refuses every third event; what it accepts it writes to a file, one JSON a line.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { type ObjectCreated, startS3 } from "../../infra/local/s3/server.ts";
import { sleep, systemClock } from "../../lib/clock.ts";

const [directory, acceptedFile] = process.argv.slice(2);
if (directory === undefined || acceptedFile === undefined) {
  throw new Error("usage: node s3-process.ts <directory> <file of accepted events>");
}

writeFileSync(acceptedFile, "");

let offered = 0;
async function accept(file: string, event: ObjectCreated): Promise<void> {
  offered++;
  await sleep(systemClock, offered % 10);
  if (offered % 3 === 0) throw new Error("not now");
  appendFileSync(file, `${JSON.stringify(event)}\n`);
}

const { endpoint } = await startS3({ directory, onObjectCreated: (event) => accept(acceptedFile, event) });
process.on("message", () => process.send?.(process.resourceUsage().maxRSS * 1024));
process.stdout.write(`${endpoint}\n`);
