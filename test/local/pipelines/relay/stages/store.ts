import { stage } from "millrace";

export default stage({
  async run(token, context) {
    const word = await context.text(token.objects[0]);
    const { existed } = await context.publish(`${word}.txt`, word);
    return { data: { word, existed } };
  },
});
