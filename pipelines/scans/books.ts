/**
 * The books of the sample: documents that every `npm ci` brings along, so that the example has real text of known content
 * without a download. The barcodes include two that differ only behind a dot; libraries have such, and file systems
 * that cut names at dots have lost books over it.
 */
export interface Book {
  readonly barcode: string;
  /** Below node_modules. */
  readonly document: string;
}

export const BOOKS: readonly Book[] = [
  { barcode: "uc1.b001", document: "zod/README.md" },
  { barcode: "uc1.b002", document: "yaml/README.md" },
  { barcode: "32101078166681", document: "openpgp/README.md" },
  { barcode: "32101078166699", document: "tar/README.md" },
  { barcode: "32101078166707", document: "fast-check/README.md" },
  { barcode: "32101078166715", document: "uuid/README.md" },
  { barcode: "32101078166723", document: "dynalite/LICENSE" },
];

/** Its archive is damaged on the way. */
export const DAMAGED: Book = { barcode: "32101078166731", document: "vitest/LICENSE.md" };

/** It arrives a second time, in another folder. */
export const REPEATED: Book = { barcode: "uc1.b001", document: "zod/README.md" };
