import { stage } from "millrace";

export default stage({
  async run(token, context) {
    const texts = await Promise.all(token.objects.map((object) => context.text(object)));
    const sizes = texts.map(({ length }) => length).sort((a, b) => a - b);
    // More than a row takes.
    return Array.from({ length: 100 }, (_, index) => ({ data: { index, sizes, text: "x".repeat(100) } }));
  },
});
