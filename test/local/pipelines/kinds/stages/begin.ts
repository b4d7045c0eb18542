import { Readable } from "node:stream";
import { reject, stage } from "millrace";

/** Publishes what it is given, and stores it among its outputs as well. */
export default stage({
  async run(token, context) {
    const [object] = token.objects;
    if (!object) return reject("there is nothing to publish");
    const text = await context.text(object);
    const { object: published } = await context.publish(`${token.id}.txt`, text);
    // Of unknown length: it is uploaded in parts.
    const parts = await context.write(
      "parts.txt",
      Readable.from(Array(6).fill(Buffer.alloc(1_048_576, text))),
    );
    return { data: { text: "x".repeat(300_000) }, objects: [published, parts] };
  },
});
