/** Serves the directory that is its argument, and says where, until it is killed. */
import { startSqs } from "../../infra/local/sqs/server.ts";

const [directory, claims] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node sqs-process.ts <directory> [release-claims]");
const { endpoint } = await startSqs({ directory, releaseClaims: claims === "release-claims" });
process.stdout.write(`${endpoint}\n`);
