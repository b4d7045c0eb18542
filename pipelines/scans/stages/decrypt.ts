import { basename } from "node:path";
import { Readable } from "node:stream";
import { reject, stage } from "millrace";
import { decrypt, readMessage } from "openpgp";

/** `<barcode>.tgz.gpg` → `<barcode>.tgz`. What cannot be decrypted today cannot be decrypted tomorrow. */
export default stage({
  async run(token, context) {
    const [archive] = token.objects;
    const barcode = basename(archive?.key ?? "", ".tgz.gpg");
    const { GPG_PASSPHRASE = "" } = await context.secret("gpg-passphrase");
    const binaryMessage = new Uint8Array(await context.bytes(archive));
    try {
      const message = await readMessage({ binaryMessage });
      const { data } = await decrypt({ message, passwords: [GPG_PASSPHRASE], format: "binary" });
      const object = await context.write(`${barcode}.tgz`, Readable.from([data as Uint8Array]));
      context.log.info(`decrypted ${object.size} bytes`);
      return { data: { barcode }, objects: [object] };
    } catch (error) {
      return reject(`decryption of ${barcode} failed: ${(error as Error).message}`);
    }
  },
});
