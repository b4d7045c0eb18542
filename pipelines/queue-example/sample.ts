import { sample } from "millrace/sample";

const TEXTS = [
  "work items move along edges",
  "a claim is a message in flight",
  "nothing is deleted before its outputs are in the next queue",
  "retries belong to the queue",
  "done",
];

export default sample(async ({ put }) => {
  for (const [index, text] of TEXTS.entries()) await put(`text-${index}`, { text });
});
