import { stage } from "millrace";
import * as z from "zod";

/** Stores the archive under its barcode, once: a book that is there already is a duplicate, and that is no error. */
export default stage({
  input: z.object({ barcode: z.string().min(1), pages: z.number(), words: z.number() }),
  output: z.object({
    barcode: z.string(),
    pages: z.number(),
    words: z.number(),
    upload_status: z.enum(["uploaded", "duplicate"]),
  }),
  async run(token, context) {
    const { barcode } = token.data;
    const { object, existed } = await context.publish(`${barcode}.tgz`, await context.read(token.objects[0]));
    const upload_status = existed ? "duplicate" : "uploaded";
    context.log.info(`${upload_status}: ${object.key}`);
    return { data: { ...token.data, upload_status } as const, objects: [object] };
  },
});
