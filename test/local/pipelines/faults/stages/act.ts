import { existsSync } from "node:fs";
import { reject, stage } from "millrace";
import * as z from "zod";

const sleepFor = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export default stage({
  input: z.looseObject({ do: z.string().optional() }).nullable(),
  output: z.looseObject({ good: z.literal(true) }),
  async run(token, context) {
    const { do: what = "read", fixed = "" } = (token.data ?? {}) as { do?: string; fixed?: string };
    context.log.info(`asked to ${what}`);
    switch (what) {
      case "throw":
        // Mended from outside, as a deployment of better code would.
        if (existsSync(fixed)) return { data: { good: true as const } };
        throw new Error("thrown on purpose");
      case "reject":
        return reject("refused on purpose");
      case "hang":
        await sleepFor(60_000);
        return;
      case "exit":
        process.exit(7);
        break;
      case "exhaust": {
        const hoard: unknown[] = [];
        for (;;) hoard.push(new Array(100_000).fill(hoard.length));
      }
      case "bad-output":
        return { data: { good: false } as never };
      case "large":
        return { data: { good: true as const, text: "x".repeat(2_000_000) } };
      case "many":
        return Array.from({ length: 300 }, (_, index) => ({ data: { good: true as const, index } }));
      case "read":
        return { data: { good: true as const, text: await context.text(token.objects[0]) } };
      default:
        return { data: { good: true as const } };
    }
  },
});
