import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import sharp from 'sharp';
import { whiteOf } from './grey-range.ts';
import { isDicomFile } from './image-names.ts';
import type { ImageHeader, Radiograph } from './radiograph.ts';

/** Decoding needs memory in proportion to the number of pixels, whatever the file size. Larger images are rejected before decoding. */
const PIXEL_LIMIT = 64_000_000;

/** Names of libvips for whole numbers of 8 and 16 bits. */
const BITS: Readonly<Record<string, number>> = { uchar: 8, ushort: 16 };

// Each image is decoded only once, so libvips' operation cache would only use memory.
sharp.cache(false);

/** Reads size and bit depth of an image without decoding it. Throws `image-unreadable`, or `image-too-large` beyond {@link PIXEL_LIMIT}. */
export async function readImageHeader(path: string): Promise<ImageHeader> {
  const header = (await isDicom(path)) ? await (await import('./dicom.ts')).readDicomHeader(path) : await headerOf(path);
  const { width, height } = header;
  if (width * height > PIXEL_LIMIT) {
    const limit = `${PIXEL_LIMIT / 1e6} megapixels`;
    throw new CarpalError('image-too-large', `${width} × ${height} pixels exceed the limit of ${limit}`, { where: path });
  }
  return header;
}

/**
 * Decodes a PNG, JPEG, TIFF or DICOM file of 8 to 16 bits, grey or colour, with or without alpha, to one grey channel of full depth. The
 * content decides on the format, not the name. Grey and grey stored as RGB keep their exact values; DICOM values are mapped as its header
 * says (dicom.ts). Alpha, colour profiles and orientation tags are ignored, because annotations refer to the stored pixels. Throws what
 * {@link readImageHeader} throws, and `image-unreadable` for a truncated file.
 */
export async function readRadiograph(path: string): Promise<Radiograph> {
  const header = await readImageHeader(path);
  if (await isDicom(path)) return (await import('./dicom.ts')).readDicom(path);
  const image = sharp(path, { limitInputPixels: PIXEL_LIMIT, ignoreIcc: true }).removeAlpha();
  // Without the colour space, sharp returns three channels. Without the depth, it returns only the upper byte of 16 bits.
  const grey =
    header.bits === 16 ? image.toColourspace('grey16').raw({ depth: 'ushort' }) : image.toColourspace('b-w').raw({ depth: 'uchar' });
  const { data, info } = await grey.toBuffer({ resolveWithObject: true }).catch((cause: unknown) => {
    // The header was valid. The library's own message about the rest differs from call to call.
    throw new CarpalError('image-unreadable', 'the image is damaged or truncated', { where: path, cause });
  });
  if (info.channels !== 1)
    throw new CarpalError('image-unreadable', `decoding gave ${info.channels} channels instead of one`, { where: path });
  const { width, height } = info;
  if (header.bits === 8) return { width, height, pixels: data, white: 255 };
  const pixels = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return { width, height, pixels, white: whiteOf(pixels.reduce((largest, value) => Math.max(largest, value), 0)) };
}

/** Whether the file is in the DICOM format. A file that cannot be opened is left to the decoder, which reports it. */
async function isDicom(path: string): Promise<boolean> {
  return isDicomFile(path).catch(() => false);
}

async function headerOf(path: string): Promise<ImageHeader> {
  const { width, height, channels, depth } = await sharp(path, { limitInputPixels: false })
    .metadata()
    .catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
  const bits = BITS[depth];
  if (bits !== undefined) return { width, height, channels, bits };
  throw new CarpalError('image-unreadable', `its pixels are of the type ${depth}; only 8 and 16 bits are read`, { where: path });
}

function unreadable(path: string, cause: unknown): CarpalError {
  const [reason] = messageOf(cause).split('\n');
  return new CarpalError('image-unreadable', `cannot be decoded: ${reason}`, { where: path, cause });
}
