import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { sample } from "millrace/sample";
import { BOOKS, type Book, DAMAGED, REPEATED } from "./books.ts";
import { encryptedArchive } from "./stages/archive.ts";

const documents = new URL("../../node_modules/", import.meta.url);

export default sample(async ({ upload, secret }) => {
  const { GPG_PASSPHRASE = "" } = await secret("gpg-passphrase", () => ({
    GPG_PASSPHRASE: randomBytes(24).toString("base64url"),
  }));
  const archiveOf = async ({ barcode, document }: Book): Promise<Uint8Array> =>
    encryptedArchive(barcode, await readFile(new URL(document, documents), "utf8"), GPG_PASSPHRASE);

  for (const book of BOOKS) await upload(`incoming/${book.barcode}.tgz.gpg`, () => archiveOf(book));
  await upload(`incoming/${DAMAGED.barcode}.tgz.gpg`, async () => damaged(await archiveOf(DAMAGED)));
  await upload(`incoming/again/${REPEATED.barcode}.tgz.gpg`, () => archiveOf(REPEATED));
});

/** One bit, in the middle of what is encrypted. */
function damaged(archive: Uint8Array): Uint8Array {
  const middle = Math.floor(archive.length / 2);
  return archive.map((byte, index) => (index === middle ? byte ^ 1 : byte));
}
