import { createHash } from "node:crypto";
import { NoSuchKey, NotFound, S3ServiceException } from "@aws-sdk/client-s3";
import type { World } from "../world/world.ts";

export interface StoredObject {
  readonly key: string;
  readonly bytes: Buffer;
  /** As S3 writes it: in quotation marks. */
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface BucketObserver {
  stored(object: StoredObject, before: StoredObject | undefined): void;
}

/** What names an object, and one version of it. */
export interface ObjectName {
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly etag?: string | undefined;
}

/** A model of one S3 bucket, with or without versions; strongly consistent, as S3 is. */
export class BucketModel {
  readonly isVersioned: boolean;
  readonly #world: World;
  readonly #observer: BucketObserver;
  readonly #objects = new Map<string, StoredObject[]>();

  constructor(isVersioned: boolean, world: World, observer: BucketObserver) {
    this.isVersioned = isVersioned;
    this.#world = world;
    this.#observer = observer;
  }

  /** @throws S3ServiceException 412, when it is to be new and is not */
  put(
    key: string,
    bytes: Buffer,
    { metadata = {}, onlyIfNew = false }: { metadata?: Record<string, string>; onlyIfNew?: boolean } = {},
  ): StoredObject {
    const before = this.#objects.get(key)?.at(-1);
    if (onlyIfNew && before) {
      if (before.metadata["millrace-owner"] === metadata["millrace-owner"])
        this.#world.probes.reach("own-result-recognised");
      throw preconditionFailed(key);
    }
    const object: StoredObject = {
      key,
      bytes,
      etag: `"${createHash("md5").update(bytes).digest("hex")}"`,
      versionId: this.isVersioned ? this.#world.prng.hex(16) : undefined,
      metadata,
    };
    const kept = this.isVersioned ? (this.#objects.get(key) ?? []) : [];
    this.#objects.set(key, [...kept, object]);
    this.#observer.stored(object, before);
    return object;
  }

  /** Only if there is none of that name. */
  putFirst(key: string, bytes: Buffer): void {
    if (!this.#objects.has(key)) this.put(key, bytes);
  }

  /** @throws NoSuchKey; S3ServiceException 412, when it is not the one that was asked for */
  get({ key, versionId, etag }: ObjectName): StoredObject {
    const versions = this.#objects.get(key) ?? [];
    const object =
      versionId === undefined ? versions.at(-1) : versions.find((version) => version.versionId === versionId);
    if (!object) throw new NoSuchKey({ message: key, $metadata: { httpStatusCode: 404 } });
    if (etag !== undefined && object.etag !== etag) throw preconditionFailed(key);
    return object;
  }

  /** @throws NotFound */
  head(key: string): StoredObject {
    const object = this.#objects.get(key)?.at(-1);
    if (!object) throw new NotFound({ message: key, $metadata: { httpStatusCode: 404 } });
    return object;
  }

  /** The object that a reference means, if it is there and has the reference's content. */
  find(name: ObjectName & { readonly sha256?: string | undefined }): StoredObject | undefined {
    const versions = this.#objects.get(name.key) ?? [];
    const object = versions.findLast((version) =>
      name.versionId === undefined ? true : version.versionId === name.versionId,
    );
    if (!object || object.etag !== name.etag) return undefined;
    const sha256 = createHash("sha256").update(object.bytes).digest("hex");
    return name.sha256 === undefined || name.sha256 === sha256 ? object : undefined;
  }

  keysBelow(prefix: string): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix));
  }
}

const preconditionFailed = (key: string): S3ServiceException =>
  new S3ServiceException({
    name: "PreconditionFailed",
    message: `At least one of the pre-conditions you specified did not hold: ${key}`,
    $fault: "client",
    $metadata: { httpStatusCode: 412 },
  });
