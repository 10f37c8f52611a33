/** The stored pixel values of a DICOM image, in every transfer syntax that radiographs use. */
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type { DataSet } from 'dicom-parser';
import dicomParser from 'dicom-parser';
import sharp from 'sharp';

/** A decoder of the two WebAssembly codecs. Its buffers are in the memory of the codec and valid until `delete`. */
export type CodestreamDecoder = {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
  delete(): void;
};

export type FrameSize = { readonly width: number; readonly height: number; readonly bitsAllocated: 8 | 16 };

type Decode = (frame: Uint8Array, size: FrameSize) => Promise<Uint8Array>;

const JPEG_2000 = 'JPEG 2000';
const SYNTAXES: Readonly<Record<string, { readonly name: string; readonly decode?: Decode; readonly bigEndian?: boolean }>> = {
  '1.2.840.10008.1.2': { name: 'implicit VR little endian' },
  '1.2.840.10008.1.2.1': { name: 'explicit VR little endian' },
  '1.2.840.10008.1.2.2': { name: 'explicit VR big endian', bigEndian: true },
  '1.2.840.10008.1.2.5': { name: 'RLE', decode: async (frame, size) => decodeRle(frame, size) },
  '1.2.840.10008.1.2.4.50': { name: 'JPEG baseline', decode: decodeJpeg },
  '1.2.840.10008.1.2.4.51': { name: 'JPEG extended', decode: decodeJpeg },
  '1.2.840.10008.1.2.4.57': { name: 'JPEG lossless', decode: decodeLosslessJpeg },
  '1.2.840.10008.1.2.4.70': { name: 'JPEG lossless', decode: decodeLosslessJpeg },
  '1.2.840.10008.1.2.4.80': { name: 'JPEG-LS', decode: decodeJpegLs },
  '1.2.840.10008.1.2.4.81': { name: 'JPEG-LS', decode: decodeJpegLs },
  '1.2.840.10008.1.2.4.90': { name: JPEG_2000, decode: decodeJpeg2000 },
  '1.2.840.10008.1.2.4.91': { name: JPEG_2000, decode: decodeJpeg2000 },
};

/** The name of a transfer syntax. Throws `image-unreadable`, which names it, if carpal does not read it. */
export function syntaxName(uid: string, where: string): string {
  const known = SYNTAXES[uid];
  if (known) return known.name;
  throw new CarpalError('image-unreadable', `the DICOM transfer syntax ${uid === '' ? '(none)' : uid} is not supported`, {
    where,
    fix: 'Convert the file to an uncompressed transfer syntax (explicit VR little endian), or to a PNG.',
  });
}

/**
 * The stored values of the only frame, row by row: bytes, or 16-bit words of this machine's byte order. Bits beyond the stored ones are still
 * in them. Throws `image-unreadable` for an unknown transfer syntax and for data that does not have the size that the header gives; a
 * compressed frame is checked for that before it is decoded.
 */
export async function storedPixels(dataSet: DataSet, uid: string, size: FrameSize, where: string): Promise<Uint8Array | Uint16Array> {
  const name = syntaxName(uid, where);
  const { decode, bigEndian } = SYNTAXES[uid] ?? {};
  const element = dataSet.elements['x7fe00010'];
  const pixels = size.width * size.height;
  const damaged = (what: string, cause?: unknown): CarpalError =>
    new CarpalError('image-unreadable', `${what} (DICOM, ${name})`, { where, cause });
  if (!element) throw damaged('the file has no pixel data');
  if (!decode) {
    const bytes = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
    const needed = (pixels * size.bitsAllocated) / 8;
    if (bytes.byteLength < needed) throw damaged(`the pixel data has ${bytes.byteLength} bytes instead of ${needed}`);
    return valuesOf(bytes.subarray(0, needed), pixels, bigEndian === true);
  }
  if (!element.fragments || element.fragments.length === 0) throw damaged('the pixel data is not compressed as the header says');
  let decoded: Uint8Array;
  try {
    const frame = dicomParser.readEncapsulatedPixelDataFromFragments(dataSet, element, 0, element.fragments.length);
    decoded = await decode(Uint8Array.from(frame), size);
  } catch (cause) {
    throw damaged(`the pixel data cannot be decoded: ${messageOf(cause)}`, cause);
  }
  if (decoded.byteLength !== pixels && decoded.byteLength !== 2 * pixels)
    throw damaged(`decoding gave ${decoded.byteLength} bytes for ${size.width} × ${size.height} pixels`);
  return valuesOf(decoded, pixels, false);
}

/** Bytes as values of one or two bytes each, copied, because the bytes may start at an odd address and belong to a larger buffer. */
function valuesOf(bytes: Uint8Array, pixels: number, bigEndian: boolean): Uint8Array | Uint16Array {
  const own = Uint8Array.from(bytes);
  if (own.byteLength === pixels) return own;
  if (bigEndian) Buffer.from(own.buffer).swap16();
  return new Uint16Array(own.buffer);
}

/** RLE: one segment per byte of a value, most significant byte first. */
function decodeRle(frame: Uint8Array, { width, height, bitsAllocated }: FrameSize): Uint8Array {
  const header = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const segments = bitsAllocated / 8;
  if (frame.byteLength < 64 || header.getUint32(0, true) !== segments) throw new Error(`it does not have ${segments} segments`);
  const out = new Uint8Array(width * height * segments);
  for (let segment = 0; segment < segments; segment++) {
    const from = header.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? header.getUint32(8 + 4 * segment, true) : frame.byteLength;
    unpackRuns(frame.subarray(from, end), { out, first: segments - 1 - segment, step: segments });
  }
  return out;
}

/** Writes a segment of runs and literal bytes to every `step`th byte of `out`, until `out` is full. */
function unpackRuns(packed: Uint8Array, { out, first, step }: { out: Uint8Array; first: number; step: number }): void {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let to = first;
  for (let from = 0; from < packed.byteLength && to < out.length; ) {
    const control = view.getInt8(from++);
    if (control === -128) continue;
    const isRun = control < 0;
    const count = isRun ? 1 - control : control + 1;
    for (let i = 0; i < count && to < out.length; i++, to += step) out[to] = view.getUint8(isRun ? from : from + i);
    from += isRun ? 1 : count;
  }
  if (to < out.length) throw new Error('a segment is too short');
}

async function decodeJpeg(frame: Uint8Array, size: FrameSize): Promise<Uint8Array> {
  checkSize(jpegSize(frame), size, 3);
  return sharp(frame, { limitInputPixels: size.width * size.height })
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

async function decodeLosslessJpeg(frame: Uint8Array, size: FrameSize): Promise<Uint8Array> {
  checkSize(jpegSize(frame), size);
  const { Decoder } = await import('jpeg-lossless-decoder-js');
  return new Uint8Array(new Decoder().decompress(frame.buffer as ArrayBuffer, frame.byteOffset, frame.byteLength));
}

/** The codecs would print their progress. */
const SILENT = { print: () => undefined, printErr: () => undefined };

async function decodeJpegLs(frame: Uint8Array, size: FrameSize): Promise<Uint8Array> {
  checkSize(jpegSize(frame), size);
  const { default: createCodec } = await import('@cornerstonejs/codec-charls/decodewasmjs');
  return decodeWith(new (await createCodec(SILENT)).JpegLSDecoder(), frame, size);
}

async function decodeJpeg2000(frame: Uint8Array, size: FrameSize): Promise<Uint8Array> {
  checkSize(jpeg2000Size(frame), size);
  const { default: createCodec } = await import('@cornerstonejs/codec-openjpeg/decodewasmjs');
  return decodeWith(new (await createCodec(SILENT)).J2KDecoder(), frame, size);
}

/** The decoders report an invalid frame only by a frame without size. */
function decodeWith(decoder: CodestreamDecoder, frame: Uint8Array, size: FrameSize): Uint8Array {
  try {
    decoder.getEncodedBuffer(frame.byteLength).set(frame);
    decoder.decode();
    const { componentCount, ...found } = decoder.getFrameInfo();
    checkSize({ ...found, channels: componentCount }, size);
    return Uint8Array.from(decoder.getDecodedBuffer());
  } finally {
    decoder.delete();
  }
}

type Size = { readonly width: number; readonly height: number };

/** A frame that claims another size or more channels than the header must not decide how much memory is taken. */
function checkSize(found: (Size & { readonly channels: number }) | undefined, { width, height }: Size, mostChannels = 1): void {
  if (!found) throw new Error('it has no frame header');
  if (found.channels > mostChannels) throw new Error(`it has ${found.channels} channels instead of one`);
  if (found.width !== width || found.height !== height)
    throw new Error(`it is ${found.width} × ${found.height} pixels, but the header gives ${width} × ${height}`);
}

/** The size in the frame header (SOF) of a JPEG or JPEG-LS stream; undefined if there is none. */
function jpegSize(bytes: Uint8Array): (Size & { readonly channels: number }) | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  while (at + 10 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const isFrame = (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), channels: view.getUint8(at + 9) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** The size in the SIZ segment of a JPEG 2000 codestream, which may be inside a JP2 file; undefined if there is none. */
function jpeg2000Size(bytes: Uint8Array): (Size & { readonly channels: number }) | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(Buffer.from([0xff, 0x4f, 0xff, 0x51]));
  if (start < 0 || start + 42 > bytes.byteLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, 42);
  return { width: view.getUint32(8) - view.getUint32(16), height: view.getUint32(12) - view.getUint32(20), channels: view.getUint16(40) };
}
