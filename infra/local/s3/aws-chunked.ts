import { S3Error } from "./errors.ts";

const MAX_LINE_BYTES = 8 * 1024;
const LINE_END = Buffer.from("\r\n");

/**
 * Takes the `aws-chunked` framing off a body: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, ended by a chunk of size
 * 0 and, after it, trailers. Chunk signatures are not checked. Data passes through as it arrives; only the short
 * lines are gathered.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 *
 * @param trailers filled with lower-case names when the body has ended
 * @throws IncompleteBody when the framing is broken or the body ends early
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  const bytes = new ByteReader(source);
  try {
    for (;;) {
      const header = await bytes.line();
      const size = /^([0-9a-f]{1,12})(;.*)?$/i.exec(header ?? "")?.[1];
      if (size === undefined) throw incomplete(`not a chunk header: ${header?.slice(0, 40)}`);
      const length = Number.parseInt(size, 16);
      if (length === 0) break;
      yield* bytes.take(length);
      if ((await bytes.line()) !== "") throw incomplete("a chunk is longer than its header says");
    }
    await readTrailers(bytes, trailers);
  } finally {
    // Lets go of the source, so that somebody else can read what is left of it.
    await bytes.close();
  }
}

async function readTrailers(bytes: ByteReader, trailers: Map<string, string>): Promise<void> {
  for (;;) {
    const line = await bytes.line();
    if (line === undefined) return;
    const colon = line.indexOf(":");
    // Blank lines: the SDKs do not agree on how many end the trailers.
    if (colon > 0) trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
}

/** Reads lines and runs of bytes from a stream of buffers. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its end; `undefined` when nothing is left. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf(LINE_END);
      if (end >= 0) {
        const line = this.#buffer.toString("latin1", 0, end);
        this.#buffer = this.#buffer.subarray(end + LINE_END.length);
        return line;
      }
      if (this.#buffer.length > MAX_LINE_BYTES) throw incomplete("a line of the framing is too long");
      const more = await this.#next();
      if (more === undefined) {
        if (this.#buffer.length > 0) throw incomplete("the body ends inside a line");
        return undefined;
      }
      this.#buffer = this.#buffer.length === 0 ? more : Buffer.concat([this.#buffer, more]);
    }
  }

  async *take(length: number): AsyncGenerator<Buffer> {
    let left = length;
    while (left > 0) {
      if (this.#buffer.length === 0) {
        const more = await this.#next();
        if (more === undefined) throw incomplete("the body ends inside a chunk");
        this.#buffer = more;
      }
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#source.next();
    return done ? undefined : value;
  }
}

const incomplete = (problem: string): S3Error =>
  new S3Error("IncompleteBody", `The request body is not a complete aws-chunked body: ${problem}.`);
