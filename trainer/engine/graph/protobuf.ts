/**
 * The part of the protocol-buffer wire format that writing a TensorFlow graph needs (protobuf.dev/programming-guides/encoding). Each
 * function returns one field: its number, its wire type and its content.
 */
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 128);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

const tag = (field: number, wireType: number): Buffer => varint((field << 3) | wireType);

/** An integer, a boolean (0 or 1) or an enum value; negative numbers as 64-bit two's complement. */
export function integerField(field: number, value: number): Buffer {
  return Buffer.concat([tag(field, VARINT), varint(value)]);
}

/** A 32-bit float. */
export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, FIXED32), bytes]);
}

/** Text, raw bytes, or an encoded message. */
export function bytesField(field: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([tag(field, BYTES), varint(bytes.length), bytes]);
}
