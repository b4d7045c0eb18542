import { stage } from "millrace";
import * as z from "zod";

const LINES = 200;

/** Splits a document into pages: an object for each, and a token. */
export default stage({
  output: z.object({ document: z.string(), page: z.number(), of: z.number() }),
  async *run(token, context) {
    const [object] = token.objects;
    const document = object?.key.split("/").at(-1) ?? "";
    const lines = (await context.text(object)).split("\n");
    const of = Math.ceil(lines.length / LINES);
    for (let page = 1; page <= of; page += 1) {
      const text = lines.slice((page - 1) * LINES, page * LINES).join("\n");
      yield { data: { document, page, of }, objects: [await context.write(`page-${page}.txt`, text)] };
    }
  },
});
