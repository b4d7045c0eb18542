import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { createMessage, encrypt } from "openpgp";
import { Header, type Parser, Parser as TarParser } from "tar";

/** Archives of scanned books: a folder named by the barcode, with a text file for each page. */

export interface Page {
  /** Within the archive's folder: `00000001.txt`. */
  readonly name: string;
  readonly text: string;
}

const LINES_A_PAGE = 40;

export function pagesOf(document: string): Page[] {
  const lines = document.split("\n");
  const count = Math.ceil(lines.length / LINES_A_PAGE);
  return Array.from({ length: count }, (_, index) => ({
    name: `${String(index + 1).padStart(8, "0")}.txt`,
    text: lines.slice(index * LINES_A_PAGE, (index + 1) * LINES_A_PAGE).join("\n"),
  }));
}

/** A gzipped tar. The same pages give the same bytes: no times, no owners. */
export function packed(barcode: string, files: readonly Page[]): Buffer {
  const blocks = files.flatMap(({ name, text: content }) => {
    const body = Buffer.from(content);
    const header = new Header({
      path: `${barcode}/${name}`,
      size: body.length,
      mode: 0o644,
      type: "File",
      mtime: new Date(0),
    });
    const block = Buffer.alloc(512);
    header.encode(block);
    return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** An archive as a library sends it: encrypted with a passphrase, in a form that gpg reads. */
export async function encryptedArchive(
  barcode: string,
  document: string,
  passphrase: string,
): Promise<Uint8Array> {
  const message = await createMessage({
    binary: packed(barcode, pagesOf(document)),
    filename: `${barcode}.tgz`,
  });
  return (await encrypt({ message, passwords: [passphrase], format: "binary" })) as Uint8Array;
}

/** What an archive may unpack to. A gzip of zeros expands a thousandfold. */
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_FILES = 20_000;

/**
 * Reads the pages of an archive, in its order.
 *
 * @throws Error when it is no archive, or more than one book should hold
 */
export function unpack(stream: NodeJS.ReadableStream): Promise<Page[]> {
  return new Promise((resolve, reject) => {
    const pages: Promise<Page>[] = [];
    let bytes = 0;
    const parser: Parser = new TarParser({ strict: true });
    const refuse = (message: string): void => {
      parser.abort(new Error(message));
    };
    parser.on("entry", (entry) => {
      bytes += entry.size;
      if (entry.type !== "File" && entry.type !== "Directory")
        refuse(`the archive holds a ${entry.type}: ${entry.path}`);
      if (bytes > MAX_BYTES || pages.length >= MAX_FILES)
        refuse(`the archive holds more than ${MAX_FILES} files or ${MAX_BYTES} bytes`);
      const name = entry.path.split("/").at(-1) ?? "";
      if (entry.type === "Directory") entry.resume();
      else
        pages.push(
          text(entry as unknown as NodeJS.ReadableStream).then((content) => ({ name, text: content })),
        );
    });
    parser.on("error", reject);
    parser.on("end", () => Promise.all(pages).then(resolve, reject));
    stream.on("error", reject);
    stream.pipe(parser as unknown as NodeJS.WritableStream);
  });
}

export const sha256 = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex");
