import { stage } from "millrace";

export default stage({
  async run(token, context) {
    const words = (await context.text(token.objects[0])).split(" ");
    return Promise.all(
      words.map(async (word) => ({ data: { word }, objects: [await context.write(`${word}.txt`, word)] })),
    );
  },
});
