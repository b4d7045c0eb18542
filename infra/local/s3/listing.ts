import { invalidArgument } from "./errors.ts";
import { pageSize } from "./limits.ts";
import { behindMarker, type Page, type PageEntry } from "./paging.ts";
import { element, type Xml } from "./xml.ts";

/** How keys are written: as they are, or percent-encoded for clients whose XML reader takes no control characters. */
export type WriteKey = (key: string) => string;

/** What all the listings by key have in common. */
export interface Listing {
  prefix: Buffer;
  delimiter: Buffer;
  limit: number;
  writeKey: WriteKey;
  /** The elements that repeat the parameters. */
  echo: Xml[];
}

/**
 * @param counted what the limit counts: `Keys` for `max-keys`, `Uploads` for `max-uploads`
 * @throws InvalidArgument
 */
export function readListing(query: ReadonlyMap<string, string>, counted: "Keys" | "Uploads"): Listing {
  const encoding = query.get("encoding-type");
  if (encoding !== undefined && encoding !== "url") {
    throw invalidArgument(`Invalid Encoding Method specified in Request: ${encoding}`);
  }
  const writeKey: WriteKey = encoding === "url" ? urlEncode : (key) => key;
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const parameter = `max-${counted.toLowerCase()}`;
  const limit = pageSize(parameter, query.get(parameter));
  const echo = [
    element("Prefix", writeKey(prefix)),
    element("Delimiter", delimiter === "" ? undefined : writeKey(delimiter)),
    element(`Max${counted}`, limit),
    element("EncodingType", encoding),
  ];
  return { prefix: Buffer.from(prefix), delimiter: Buffer.from(delimiter), limit, writeKey, echo };
}

const urlEncode: WriteKey = (key) => encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");

/** Where a page begins that follows a marker; at the prefix when there is no marker. */
export const startBehind = (marker: string, { prefix, delimiter }: Listing): Buffer =>
  marker === "" ? prefix : behindMarker(marker, prefix, delimiter);

/** The entries of a page: all items first, then all common prefixes, as S3's documents have them. */
export function entryElements<Item extends { key: Buffer }>(
  { entries }: Page<Item>,
  writeKey: WriteKey,
  itemElement: (item: Item) => Xml,
): Xml[] {
  const items = entries.flatMap((entry) => ("item" in entry ? [itemElement(entry.item)] : []));
  const prefixes = entries.flatMap((entry) =>
    "commonPrefix" in entry
      ? [element("CommonPrefixes", element("Prefix", writeKey(entry.commonPrefix.toString("utf8"))))]
      : [],
  );
  return [...items, ...prefixes];
}

/** The entry behind which the next page begins; `undefined` on the last page. */
export const lastEntry = <Item>({ entries, truncated }: Page<Item>): PageEntry<Item> | undefined =>
  truncated ? entries.at(-1) : undefined;

/** The key or the common prefix of an entry. */
export const nameOf = (entry: PageEntry<{ key: Buffer }>): string =>
  ("item" in entry ? entry.item.key : entry.commonPrefix).toString("utf8");
