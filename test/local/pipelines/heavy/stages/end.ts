import { stage } from "millrace";

/** What it is given, with the content of every object. */
export default stage({
  async run(token, context) {
    const texts = await Promise.all(token.objects.map((object) => context.text(object)));
    return { data: { made: token.data, texts: texts.sort() } };
  },
});
