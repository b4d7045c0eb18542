import { stage } from "millrace";
import * as z from "zod";

/** Publishes each page's picture beside the others of its document. */
export default stage({
  input: z.object({
    document: z.string(),
    page: z.number(),
    width: z.number(),
    height: z.number(),
    ink: z.number(),
  }),
  async run(token, context) {
    const { document, page } = token.data;
    const picture = token.objects.find(({ key }) => key.endsWith(".png"));
    const { object } = await context.publish(`${document}/page-${page}.png`, await context.read(picture));
    return { data: token.data, objects: [object] };
  },
});
