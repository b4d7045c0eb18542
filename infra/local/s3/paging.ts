/** What a page of a listing is made from; all strings as bytes, since S3 orders keys by their UTF-8 bytes. */
export interface PageRequest {
  prefix: Buffer;
  /** Empty for none. */
  delimiter: Buffer;
  /** The first key that may appear. */
  from: Buffer;
  /** Entries, common prefixes included. */
  limit: number;
}

/** An item, or the common prefix that stands for all the items below it. */
export type PageEntry<Item> = { item: Item } | { commonPrefix: Buffer };

export interface Page<Item> {
  entries: PageEntry<Item>[];
  /** There is more behind the last entry. */
  truncated: boolean;
}

/**
 * Makes one page. What lies below a common prefix is jumped over, not read.
 *
 * @param seek gives the items with `from <= key < until` in order; it is left early and called again to jump
 */
export function page<Item extends { key: Buffer }>(
  seek: (from: Buffer, until: Buffer) => Iterable<Item>,
  request: PageRequest,
): Page<Item> {
  const { prefix, delimiter, limit } = request;
  const entries: PageEntry<Item>[] = [];
  if (limit === 0) return { entries, truncated: false };
  const until = endOf(prefix);
  let from: Buffer | undefined = Buffer.compare(request.from, prefix) > 0 ? request.from : prefix;
  while (from) {
    const start: Buffer = from;
    from = undefined;
    for (const item of seek(start, until)) {
      if (entries.length === limit) return { entries, truncated: true };
      const commonPrefix = commonPrefixOf(item.key, prefix, delimiter);
      if (commonPrefix) {
        entries.push({ commonPrefix });
        from = endOf(commonPrefix);
        break;
      }
      entries.push({ item });
    }
  }
  return { entries, truncated: false };
}

function commonPrefixOf(key: Buffer, prefix: Buffer, delimiter: Buffer): Buffer | undefined {
  if (delimiter.length === 0) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.subarray(0, at + delimiter.length);
}

/** The first key behind `key` itself. */
export const behind = (key: Buffer): Buffer => Buffer.concat([key, Buffer.of(0)]);

/** The first key behind everything that begins with `prefix`. No UTF-8 byte is 0xff, so the last one can be raised. */
export function endOf(prefix: Buffer): Buffer {
  const end = prefix.length === 0 ? Buffer.of(0xfe) : Buffer.from(prefix);
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return end;
}

/** Where a listing goes on after a marker: behind the key, or behind all that a common prefix stands for. */
export function behindMarker(marker: string, prefix: Buffer, delimiter: Buffer): Buffer {
  const key = Buffer.from(marker);
  return commonPrefixOf(key, prefix, delimiter)?.equals(key) ? endOf(key) : behind(key);
}

/** An opaque token that says where the next page begins. */
export function tokenAfter(entry: PageEntry<{ key: Buffer }>): string {
  const from = "item" in entry ? behind(entry.item.key) : endOf(entry.commonPrefix);
  return Buffer.concat([Buffer.from("1"), from]).toString("base64url");
}

/** @returns `undefined` for what is not a token of this service */
export function startOfToken(token: string): Buffer | undefined {
  const bytes = Buffer.from(token, "base64url");
  return bytes[0] === 0x31 && bytes.toString("base64url") === token ? bytes.subarray(1) : undefined;
}
