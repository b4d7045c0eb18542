import type { AttributeValue, Item } from "./model.ts";

/** The limit of one item, names and values together, in bytes. */
export const maxItemBytes = 400 * 1024;

const utf8 = (text: string): number => Buffer.byteLength(text, "utf8");

const zero = 48;
const nine = 57;

/** Digits between the first and the last that is not 0. */
function significantDigits(decimal: string): number {
  let digits = 0;
  let first = 0;
  let last = -1;
  for (let at = 0; at < decimal.length; at++) {
    const code = decimal.charCodeAt(at);
    if (code < zero || code > nine) continue;
    if (code !== zero) {
      if (last === -1) first = digits;
      last = digits;
    }
    digits += 1;
  }
  return last === -1 ? 0 : last - first + 1;
}

/** One byte for two significant digits, one for the exponent, one more for a sign: 21 bytes at most. */
const numberBytes = (decimal: string): number =>
  Math.ceil(significantDigits(decimal) / 2) + 1 + (decimal.startsWith("-") ? 1 : 0);

const sum = (sizes: number[]): number => sizes.reduce((total, size) => total + size, 0);

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return utf8(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  if (value.B !== undefined) return Buffer.byteLength(value.B, "base64");
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  if (value.L !== undefined) return 3 + value.L.length + sum(value.L.map(valueBytes));
  if (value.SS !== undefined) return sum(value.SS.map(utf8));
  if (value.NS !== undefined) return sum(value.NS.map(numberBytes));
  if (value.BS !== undefined) return sum(value.BS.map((member) => Buffer.byteLength(member, "base64")));
  return 1;
}

/**
 * Bytes of an item as DynamoDB counts them towards the 400 KB of an item and the 1 MB of a page.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const name in item) {
    const value = item[name];
    if (value) bytes += utf8(name) + valueBytes(value);
  }
  return bytes;
}
