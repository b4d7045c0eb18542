import { reject, stage } from "millrace";
import * as z from "zod";
import { unpack } from "./archive.ts";

/** `<barcode>.tgz` → its pages, an object each. */
export default stage({
  input: z.object({ barcode: z.string().min(1) }),
  async run(token, context) {
    const { barcode } = token.data;
    const pages = await unpack(await context.read(token.objects[0])).catch((error: Error) =>
      reject(`the archive of ${barcode} cannot be read: ${error.message}`),
    );
    const objects = [];
    for (const { name, text } of pages) objects.push(await context.write(`pages/${name}`, text));
    context.log.info(`extracted ${pages.length} pages`);
    return { data: { barcode, pages: pages.length }, objects };
  },
});
