import { readFile } from "node:fs/promises";
import { sample } from "millrace/sample";

/** Documents that every `npm ci` brings along, and one that is no text on its second page. */
const DOCUMENTS = ["uuid/README.md", "yaml/README.md", "dynalite/LICENSE"];
const modules = new URL("../../node_modules/", import.meta.url);

export default sample(async ({ upload }) => {
  for (const document of DOCUMENTS) {
    await upload(`documents/${document.replace("/", "-")}`, () => readFile(new URL(document, modules)));
  }
  await upload("documents/damaged.txt", async () => `${"a good line\n".repeat(200)}a broken\u0007 line\n`);
});
