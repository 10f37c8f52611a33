import { readFile, stat } from 'node:fs/promises';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type { DataSet } from 'dicom-parser';
import dicomParser from 'dicom-parser';
import { displayValues, type StoredValues } from './dicom-display.ts';
import { type FrameSize, storedPixels, syntaxName } from './dicom-pixels.ts';
import type { ImageHeader, Radiograph } from './radiograph.ts';

/** Larger files are not read: an uncompressed image of the largest accepted size takes half of this. */
const FILE_LIMIT = 256 * 2 ** 20;

/** What the header of a DICOM file says about its image. */
type DicomImage = FrameSize & StoredValues & { readonly syntax: string; readonly samples: number };

/** Size and stored bits of the image in a DICOM file, without decoding it. Throws `image-unreadable`. Does not limit the size. */
export async function readDicomHeader(path: string): Promise<ImageHeader> {
  const { width, height, samples, bitsStored } = await openDicom(path);
  return { width, height, channels: samples, bits: bitsStored };
}

/**
 * Decodes the image in a DICOM file to one grey channel in which a larger value is brighter. Applies, in this order: the stored bits and
 * their sign, the rescale slope and intercept, the first window (linear, linear exact or sigmoid) or else the VOI lookup table, and the
 * inversion of MONOCHROME1. Without window and table, the values keep their range. Padding is black. Throws `image-unreadable` with the
 * reason: another photometric interpretation, several frames, an unsupported transfer syntax, or damaged data.
 */
export async function readDicom(path: string): Promise<Radiograph> {
  const image = await openDicom(path);
  const { width, height, dataSet, syntax } = image;
  const stored = await storedPixels(dataSet, syntax, image, path);
  const { values, white } = displayValues(image, stored, path);
  const pixels = white > 255 ? new Uint16Array(stored.length) : new Uint8Array(stored.length);
  for (let i = 0; i < stored.length; i++) pixels[i] = values[stored[i] as number] as number;
  return { width, height, pixels, white };
}

async function openDicom(path: string): Promise<DicomImage> {
  const { dataSet, syntax } = await parseFile(path);
  const unreadable = (what: string): CarpalError => new CarpalError('image-unreadable', what, { where: path });
  const number = (tag: string): number | undefined => dataSet.uint16(tag);
  const [width = 0, height = 0, samples = 1] = [number('x00280011'), number('x00280010'), number('x00280002')];
  const photometric = dataSet.string('x00280004') ?? '';
  const frames = Number(dataSet.string('x00280008') ?? '1');
  if (width < 1 || height < 1) throw unreadable('the DICOM file has no image: it gives no rows or columns');
  if (frames !== 1) throw unreadable(`the DICOM file has ${frames} frames; a radiograph has one`);
  const isGrey = samples === 1 && /^MONOCHROME[12]$/.test(photometric);
  // JPEG stores grey as colour now and then; its decoder returns one channel.
  const isJpegColour = samples === 3 && syntaxName(syntax, path) === 'JPEG baseline';
  if (!isGrey && !isJpegColour)
    throw unreadable(`the photometric interpretation ${photometric || '(none)'} with ${samples} samples is not a grey image`);
  const bits = bitsOf(dataSet, path);
  return { dataSet, syntax, width, height, samples, ...bits, inverted: photometric === 'MONOCHROME1' };
}

/** Which bits of a word hold a value. Throws `image-unreadable` unless they fit into 8 or 16 bits. */
function bitsOf(dataSet: DataSet, where: string): Pick<DicomImage, 'bitsAllocated' | 'bitsStored' | 'highBit' | 'signed'> {
  const bitsAllocated = dataSet.uint16('x00280100') ?? 0;
  const bitsStored = dataSet.uint16('x00280101') ?? bitsAllocated;
  const highBit = dataSet.uint16('x00280102') ?? bitsStored - 1;
  const fits = bitsStored >= 1 && highBit >= bitsStored - 1 && highBit < bitsAllocated;
  if ((bitsAllocated === 8 || bitsAllocated === 16) && fits)
    return { bitsAllocated, bitsStored, highBit, signed: dataSet.uint16('x00280103') === 1 };
  const what = `${bitsStored} bits stored in ${bitsAllocated} up to bit ${highBit} are not supported; a radiograph has at most 16`;
  throw new CarpalError('image-unreadable', what, { where });
}

async function parseFile(path: string): Promise<{ dataSet: DataSet; syntax: string }> {
  const bytes = await readBounded(path);
  try {
    const syntax = dicomParser.readPart10Header(bytes).string('x00020010') ?? '';
    // The parser would inflate a deflated file to any size, so an unknown syntax ends here.
    syntaxName(syntax, path);
    return { syntax, dataSet: dicomParser.parseDicom(bytes) };
  } catch (cause) {
    if (cause instanceof CarpalError) throw cause;
    throw new CarpalError('image-unreadable', `the DICOM file is damaged: ${parserMessage(cause)}`, { where: path, cause });
  }
}

async function readBounded(path: string): Promise<Buffer> {
  const unreadable = (cause: unknown): never => {
    throw new CarpalError('image-unreadable', `cannot be read: ${messageOf(cause)}`, { where: path, cause });
  };
  const { size } = await stat(path).catch(unreadable);
  if (size > FILE_LIMIT) {
    const what = `the file has ${Math.ceil(size / 2 ** 20)} MiB; DICOM files of at most ${FILE_LIMIT / 2 ** 20} MiB are read`;
    throw new CarpalError('image-too-large', what, { where: path });
  }
  return readFile(path).catch(unreadable);
}

/** The parser throws texts, errors, and objects that hold an error. */
function parserMessage(cause: unknown): string {
  const inner = typeof cause === 'object' && cause !== null && 'exception' in cause ? cause.exception : cause;
  return messageOf(inner).replace(/^dicomParser\.[\w.]+: /, '');
}
