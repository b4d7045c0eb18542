/** Serves a directory until it is killed. It says where in the first line that it prints. */
import { startKubernetes } from "../../infra/local/kubernetes/server.ts";
import { IMAGE_ENV, resolveImage } from "./kubernetes-image.ts";

const [directory, token] = process.argv.slice(2);
if (directory === undefined || token === undefined) {
  throw new Error("usage: node kubernetes-process.ts <directory> <administrator's token>");
}
const { endpoint } = await startKubernetes({
  directory,
  token,
  resolveImage,
  imageEnv: IMAGE_ENV,
  retryDelayMs: 50,
});
process.stdout.write(`${endpoint}\n`);
