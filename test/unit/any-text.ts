import fc from "fast-check";

/** Texts of any UTF-16 units: control characters, halves of characters and what Unicode says is no character. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0x7f }),
      fc.constantFrom(0xd800, 0xdc00, 0xfffe, 0xffff),
    ),
    { maxLength: 20 },
  )
  .map((units) => String.fromCharCode(...units));
