/**
 * CRC-32C and CRC-64/NVME, and the arithmetic that joins CRCs of neighbouring pieces. `node:zlib` has CRC-32 only.
 * Parameters: https://reveng.sourceforge.io/crc-catalogue/all.htm (CRC-32/ISCSI, CRC-64/NVME).
 */

const CRC32_POLYNOMIAL = 0xedb88320n;
const CRC32C_POLYNOMIAL = 0x82f63b78n;
const CRC64_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

/** The 256 remainders of one byte, for a reflected polynomial. */
function remainders(polynomial: bigint): bigint[] {
  return Array.from({ length: 256 }, (_, byte) => {
    let remainder = BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      remainder = remainder & 1n ? (remainder >> 1n) ^ polynomial : remainder >> 1n;
    return remainder;
  });
}

const crc32cTable = Uint32Array.from(remainders(CRC32C_POLYNOMIAL), Number);

/** Continues a CRC-32C; start with 0. */
export function crc32c(bytes: Uint8Array, previous: number): number {
  let crc = ~previous;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crc32cTable[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

// Two 32-bit halves: BigInt arithmetic per byte is some 50 times slower.
const crc64Low = Uint32Array.from(remainders(CRC64_POLYNOMIAL), (value) => Number(value & 0xffffffffn));
const crc64High = Uint32Array.from(remainders(CRC64_POLYNOMIAL), (value) => Number(value >> 32n));

/** Continues a CRC-64/NVME; start with 0n. */
export function crc64nvme(bytes: Uint8Array, previous: bigint): bigint {
  let low = ~Number(previous & 0xffffffffn);
  let high = ~Number(previous >> 32n);
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (crc64Low[index] ?? 0);
    high = (high >>> 8) ^ (crc64High[index] ?? 0);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}

const shapes = {
  CRC32: { polynomial: CRC32_POLYNOMIAL, bits: 32n },
  CRC32C: { polynomial: CRC32C_POLYNOMIAL, bits: 32n },
  CRC64NVME: { polynomial: CRC64_POLYNOMIAL, bits: 64n },
} as const;

export type CrcAlgorithm = keyof typeof shapes;

/**
 * The CRC of `first` followed by `second`, from their CRCs and the length of the second in bytes: the first one is
 * multiplied by x^(8 * length) modulo the polynomial, and the second added.
 */
export function joinCrcs(
  algorithm: CrcAlgorithm,
  first: bigint,
  second: bigint,
  secondLength: number,
): bigint {
  const { polynomial, bits } = shapes[algorithm];
  // In the reflected form the highest bit is x^0, the next one x^1.
  let shift = 1n << (bits - 1n);
  let power = 1n << (bits - 2n);
  for (let exponent = BigInt(secondLength) * 8n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) shift = multiply(shift, power, polynomial, bits);
    power = multiply(power, power, polynomial, bits);
  }
  return multiply(first, shift, polynomial, bits) ^ second;
}

function multiply(a: bigint, b: bigint, polynomial: bigint, bits: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 1n << (bits - 1n); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}
