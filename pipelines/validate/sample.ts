import { createHash } from "node:crypto";
import { sample } from "millrace/sample";

/**
 * A bundle of twelve folders with a label and a product each. Two products do not match their checksums, one is missing,
 * and one label is not well-formed XML.
 */
const FOLDERS = 12;
const WRONG_CHECKSUM = [3, 7];
const MISSING = 5;
const MALFORMED = 9;

export default sample(async ({ bucket, upload, put }) => {
  for (let number = 1; number <= FOLDERS; number += 1) {
    const prefix = `products/${String(number).padStart(5, "0")}/`;
    const content = `observation ${number}\n`.repeat(100);
    await upload(`${prefix}product.xml`, () => label(number, content));
    if (number !== MISSING) await upload(`${prefix}product.tab`, () => content);
    await put(prefix, { input_bucket: bucket, output_bucket: bucket, prefix });
  }
});

function label(number: number, content: string): string {
  const text = WRONG_CHECKSUM.includes(number) ? `${content}, changed later` : content;
  const md5 = createHash("md5").update(text).digest("hex");
  const end = number === MALFORMED ? "</Product_Observation>" : "</Product_Observational>";
  return `<?xml version="1.0"?>
<Product_Observational>
  <File><file_name>product.tab</file_name><md5_checksum>${md5}</md5_checksum></File>
${end}
`;
}
