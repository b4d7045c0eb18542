import { basename } from "node:path";
import { stage } from "millrace";
import * as z from "zod";
import { type Page, packed, sha256 } from "./archive.ts";

/** Pages → an archive in the library's own form: Unix line ends, no trailing blanks, and a list of checksums. */
export default stage({
  input: z.object({ barcode: z.string().min(1), pages: z.number() }),
  async run(token, context) {
    const { barcode } = token.data;
    const pages: Page[] = [];
    for (const object of token.objects) {
      pages.push({ name: basename(object.key), text: tidy(await context.text(object)) });
    }
    const checksums = Object.fromEntries(pages.map(({ name, text }) => [name, sha256(text)]));
    const words = pages.reduce(
      (sum, { text }) => sum + text.split(/\s+/).filter((word) => word !== "").length,
      0,
    );
    const archive = packed(barcode, [...pages, { name: "checksums.json", text: JSON.stringify(checksums) }]);
    const object = await context.write(`${barcode}.tgz`, archive);
    return { data: { barcode, pages: pages.length, words }, objects: [object] };
  },
});

const tidy = (text: string): string => text.replaceAll("\r\n", "\n").replace(/[ \t]+$/gm, "");
