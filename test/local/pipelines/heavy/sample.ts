import { sample } from "millrace/sample";

export default sample(async ({ put }) => {
  for (const name of ["a", "b"]) await put(name, { name, files: 2 });
});
