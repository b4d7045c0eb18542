import { stage } from "millrace";

export default stage({
  async run(token, context) {
    const texts = await Promise.all(token.objects.map((object) => context.text(object)));
    return { data: { data: token.data, texts } };
  },
});
