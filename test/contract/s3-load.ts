import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { randomNumbers } from "../seeds.ts";

/** What a key may hold: the content that was written by the n-th write to it, or nothing. */
type State = number | undefined;

const KEYS = 24;
const LANES = 6;

/** Content that tells which write it comes from, of a length of its own: a mixture of two is neither. */
function contentOf(key: string, write: number): string {
  const unit = `${key}#${write};`;
  const large = write % 7 === 0;
  return unit.repeat(1 + ((write * 7919) % (large ? 99_991 : 997)));
}

/**
 * Writes of every kind to a few keys until the service dies, and a record of what it had promised by then. Each key
 * has one writer, so of every write it is known whether it was answered.
 */
export class Load {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #random: () => number;
  readonly #answered = new Map<string, State>();
  /** The write that the service died over, by key. */
  readonly #unanswered = new Map<string, State>();
  /** ETags that were answered, by key: each is due an event. */
  readonly announced: { key: string; etag: string }[] = [];
  /** Milliseconds until the end, chosen by the seed. */
  readonly duration: number;

  constructor(client: S3Client, bucket: string, seed: number) {
    this.#client = client;
    this.#bucket = bucket;
    this.#random = randomNumbers(seed);
    this.duration = 200 + this.#random() * 1000;
  }

  /** Ends when the service does. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: LANES }, (_, lane) => this.#write(lane)));
  }

  async #write(lane: number): Promise<void> {
    for (let write = 1; ; write++) {
      const key = `k${lane + LANES * Math.floor((this.#random() * KEYS) / LANES)}`;
      const kind = this.#random();
      const next: State = kind < 0.15 ? undefined : write;
      this.#unanswered.set(key, next);
      try {
        const etag = await this.#change(key, next, kind);
        if (etag !== undefined) this.announced.push({ key, etag });
      } catch (error) {
        // Refused, and not merely cut off.
        if (error instanceof S3ServiceException) throw error;
        return;
      }
      this.#answered.set(key, next);
      this.#unanswered.delete(key);
    }
  }

  /** @returns the ETag of what was written, without quotes */
  async #change(key: string, next: State, kind: number): Promise<string | undefined> {
    const target = { Bucket: this.#bucket, Key: key };
    if (next === undefined) {
      await this.#client.send(new DeleteObjectCommand(target));
      return undefined;
    }
    const Body = contentOf(key, next);
    if (kind < 0.3) return this.#inParts(target, Body);
    const { ETag } = await this.#client.send(new PutObjectCommand({ ...target, Body }));
    if (kind > 0.9) {
      const CopySource = `${this.#bucket}/${key}`;
      const copy = new CopyObjectCommand({ ...target, CopySource, MetadataDirective: "REPLACE" });
      await this.#client.send(copy);
    }
    return bare(ETag);
  }

  async #inParts(target: { Bucket: string; Key: string }, Body: string): Promise<string> {
    const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand(target));
    const part = { ...target, UploadId, PartNumber: 1 };
    const { ETag } = await this.#client.send(new UploadPartCommand({ ...part, Body }));
    const Parts = [{ PartNumber: 1, ETag }];
    const complete = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } });
    return bare((await this.#client.send(complete)).ETag);
  }

  /** What does not agree with what was answered, in words; and the objects that there are. */
  async inspect(client: S3Client): Promise<{ problems: string[]; found: { key: string; etag: string }[] }> {
    const problems: string[] = [];
    const found: { key: string; etag: string }[] = [];
    for (const key of new Set([...this.#answered.keys(), ...this.#unanswered.keys()])) {
      const object = await this.#read(client, key);
      if (object) found.push({ key, etag: object.etag });
      const allowed = [
        this.#answered.get(key),
        ...(this.#unanswered.has(key) ? [this.#unanswered.get(key)] : []),
      ];
      const contents = allowed.map((state) => (state === undefined ? undefined : contentOf(key, state)));
      if (!contents.includes(object?.text)) {
        problems.push(
          `${key}: ${object?.text.slice(0, 20)} of ${object?.text.length}, not one of ${allowed}`,
        );
      }
    }
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: this.#bucket }));
    const listed = Contents.map(({ Key, ETag }) => `${Key} ${bare(ETag)}`).sort();
    const read = found.map(({ key, etag }) => `${key} ${etag}`).sort();
    if (listed.join() !== read.join()) problems.push(`listed ${listed}, read ${read}`);
    return { problems, found };
  }

  async #read(client: S3Client, key: string): Promise<{ text: string; etag: string } | undefined> {
    try {
      const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      return { text: (await Body?.transformToString()) ?? "", etag: bare(ETag) };
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }
}

const bare = (etag = ""): string => etag.replaceAll('"', "");
