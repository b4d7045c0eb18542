import { sample } from "millrace/sample";

export default sample(async ({ upload }) => {
  for (const name of ["a", "b", "c"]) await upload(`relay/${name}.txt`, () => `${name}1 ${name}2`);
});
