/**
 * Reads list-mode files of the Flow Cytometry Standard, versions 3.0 and 3.1 (doi.org/10.1002/cyto.a.20825), with
 * measurements in floating point: what most instruments of the last twenty years write. Anything else is refused by name.
 */

export interface Measurements {
  readonly cytometer: string;
  /** `FSC-A`, `SSC-A` …, in the order in which they stand in an event. */
  readonly parameters: readonly string[];
  /** Events that the file says it has. */
  readonly declared: number;
  /** Events that are there as a whole. */
  readonly present: number;
  /** Event by event, all parameters of each. */
  readonly values: Float64Array;
}

/** No FCS file, or one of a kind that is not read. */
export class FcsError extends Error {
  override readonly name: string = "FcsError";
}

/** The file was cut short on its way. */
export class TruncatedError extends FcsError {
  override readonly name = "TruncatedError";
  readonly declared: number;
  readonly present: number;

  constructor(declared: number, present: number) {
    super(`the file declares ${declared} events and holds ${present}`);
    this.declared = declared;
    this.present = present;
  }
}

/**
 * @param options.lenient of a file that was cut short, takes the events that are there
 * @throws FcsError when it cannot be read; TruncatedError, unless lenient, when events are missing
 */
export function readFcs(bytes: Uint8Array, { lenient = false } = {}): Measurements {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = file.toString("latin1", 0, 6);
  if (!/^FCS3\.[01]$/.test(version))
    throw new FcsError(`${JSON.stringify(version)} is no version of FCS that is read`);
  const text = keywords(file.toString("latin1", headerOffset(file, 10), headerOffset(file, 18) + 1));
  const { size, read } = numberForm(text);
  const parameters = Array.from({ length: whole(text, "$PAR") }, (_, index) =>
    keyword(text, `$P${index + 1}N`),
  );
  if (parameters.length === 0) throw new FcsError("$PAR says that nothing was measured");

  // Of AriaFACS files the header is right: theirs say 2636 in the header and 2634 in the text, and the data begin at 2636.
  const begin = headerOffset(file, 26) || whole(text, "$BEGINDATA");
  const declared = whole(text, "$TOT");
  const there = Math.floor(Math.max(0, file.length - begin) / (size * parameters.length));
  const present = Math.min(declared, there);
  if (present < declared && !lenient) throw new TruncatedError(declared, present);
  const values = Float64Array.from({ length: present * parameters.length }, (_, index) =>
    read(file, begin + index * size),
  );
  return { cytometer: text.get("$CYT") ?? "", parameters, declared, present, values };
}

/** Eight characters, aligned to the right; 0 where the number has more digits, and stands in the text instead. */
function headerOffset(file: Buffer, at: number): number {
  const digits = file.toString("latin1", at, at + 8).trim();
  if (/^\d+$/.test(digits)) return Number(digits);
  throw new FcsError(`the header has ${JSON.stringify(digits)} where an offset should be`);
}

/** `|KEY|value|KEY|value|`: the first character is the delimiter; where it stands twice, it is part of a value. */
function keywords(text: string): ReadonlyMap<string, string> {
  const delimiter = text.charAt(0);
  const doubled = "\uffff";
  const parts = text
    .slice(1)
    .replaceAll(delimiter + delimiter, doubled)
    .split(delimiter)
    .map((part) => part.replaceAll(doubled, delimiter).trim());
  const pairs = Array.from({ length: Math.floor(parts.length / 2) }, (_, index) =>
    parts.slice(index * 2, index * 2 + 2),
  );
  return new Map(pairs.map(([key = "", value = ""]) => [key.toUpperCase(), value]));
}

function keyword(text: ReadonlyMap<string, string>, name: string): string {
  const value = text.get(name);
  if (value !== undefined) return value;
  throw new FcsError(`the file says nothing of ${name}`);
}

function whole(text: ReadonlyMap<string, string>, name: string): number {
  const value = keyword(text, name);
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new FcsError(`${name} is ${JSON.stringify(value)}, and should be a number`);
}

interface NumberForm {
  /** Bytes. */
  readonly size: number;
  read(file: Buffer, at: number): number;
}

const FORMS: Readonly<Record<string, NumberForm>> = {
  "F 1,2,3,4": { size: 4, read: (file, at) => file.readFloatLE(at) },
  "F 4,3,2,1": { size: 4, read: (file, at) => file.readFloatBE(at) },
  "D 1,2,3,4": { size: 8, read: (file, at) => file.readDoubleLE(at) },
  "D 4,3,2,1": { size: 8, read: (file, at) => file.readDoubleBE(at) },
};

function numberForm(text: ReadonlyMap<string, string>): NumberForm {
  if (keyword(text, "$MODE") !== "L")
    throw new FcsError(`$MODE is ${keyword(text, "$MODE")}; only lists (L) are read`);
  const form = FORMS[`${keyword(text, "$DATATYPE")} ${keyword(text, "$BYTEORD")}`];
  if (form) return form;
  throw new FcsError(
    `$DATATYPE ${keyword(text, "$DATATYPE")} in the order ${keyword(text, "$BYTEORD")} is not read; F and D are, in the orders 1,2,3,4 and 4,3,2,1`,
  );
}
