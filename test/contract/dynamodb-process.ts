/** Serves the directory that is its argument, and says where, until it is killed. */
import { startDynamoDb } from "../../infra/local/dynamodb/server.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node dynamodb-process.ts <directory>");
const { endpoint } = await startDynamoDb({ directory });
process.stdout.write(`${endpoint}\n`);
