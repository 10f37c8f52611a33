import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Radiograph } from './radiograph.ts';
import { readImageHeader, readRadiograph } from './read-radiograph.ts';
import { type DicomFields, dicomFile } from './testing/dicom-file.ts';
import { temporaryFolder, writeUnder } from './testing/small-dataset.ts';

const SAMPLES = join(import.meta.dirname, 'testing/dicom');
const [width, height] = [16, 8];
/** Values of 12 bits, in which 4095 occurs. */
const ramp = Uint16Array.from({ length: width * height }, (_, i) => Math.round((i * 4095) / 127));

async function read(fields: Partial<DicomFields>, name = 'a.dcm'): Promise<Radiograph> {
  return readRadiograph(await writeUnder(await temporaryFolder(), name, dicomFile({ width, height, values: ramp, ...fields })));
}

const shown = ({ pixels, white }: Radiograph): number[] => Array.from(pixels, (value) => value / white);

describe('readRadiograph', () => {
  it.each(['MR_small_RLE', 'MR_small_jp2klossless', 'MR_small_jpeg_ls_lossless'])(
    'decodes the DICOM file %s to the pixels of the uncompressed file',
    async (name) => {
      const [plain, packed] = [await readRadiograph(join(SAMPLES, 'MR_small.dcm')), await readRadiograph(join(SAMPLES, `${name}.dcm`))];
      expect(packed).toMatchObject({ width: 64, height: 64, white: 65535 });
      expect(Buffer.from(packed.pixels.buffer).equals(Buffer.from(plain.pixels.buffer))).toBe(true);
      expect(Math.max(...shown(plain))).toBe(1);
    },
  );

  it('decodes lossless JPEG with every predictor', async () => {
    const folder = join(dirname(createRequire(import.meta.url).resolve('jpeg-lossless-decoder-js/package.json')), 'tests/data');
    const images = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7].map((predictor) => readRadiograph(join(folder, `jpeg_lossless_sel${predictor}.dcm`))),
    );
    for (const image of images) expect(image).toEqual(images[0]);
    expect(images[0]).toMatchObject({ width: 256, height: 256 });
    expect(new Set(images[0]?.pixels).size).toBeGreaterThan(50);
  });

  it('decodes baseline JPEG in DICOM', async () => {
    const pixels = Uint8Array.from({ length: width * height }, (_, i) => 2 * i);
    const frame = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .jpeg({ quality: 100 })
      .toBuffer();
    const syntax = '1.2.840.10008.1.2.4.50';
    const radiograph = await read({ values: [], frame, syntax, bitsAllocated: 8, bitsStored: 8 });
    expect(radiograph).toMatchObject({ width, height, white: 255 });
    radiograph.pixels.forEach((value, index) => {
      expect(Math.abs(value - 2 * index)).toBeLessThan(6);
    });
  });

  it('keeps the values and the white of 12 bits without a window, and reads a file without extension', async () => {
    const radiograph = await read({}, '1.2.840.113');
    expect(radiograph).toMatchObject({ width, height, white: 4095 });
    expect(Array.from(radiograph.pixels)).toEqual(Array.from(ramp));
  });

  it('inverts MONOCHROME1', async () => {
    const { pixels } = await read({ photometric: 'MONOCHROME1' });
    expect(Array.from(pixels)).toEqual(Array.from(ramp, (value) => 4095 - value));
  });

  it('ignores bits beyond the stored ones, wherever those are in the word', async () => {
    const shifted = Uint16Array.from(ramp, (value) => (value << 4) | 0b1010);
    const { pixels } = await read({ values: shifted, highBit: 15 });
    expect(Array.from(pixels)).toEqual(Array.from(ramp));
  });

  it('reads signed values, applies the rescale and uses the first of several windows', async () => {
    const values = Int16Array.from(ramp, (value) => value - 2048);
    const texts = { '00281052': '1000', '00281053': '2', '00281050': '1000\\5', '00281051': '2001\\9' };
    const found = shown(await read({ values, signed: true, texts }));
    const expected = Array.from(values, (value) => Math.min(Math.max((value * 2 + 1000 - 999.5) / 2000 + 0.5, 0), 1));
    found.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? -1, 4);
    });
  });

  it.each([
    { form: 'LINEAR_EXACT', of: (value: number) => Math.min(Math.max((value - 2000) / 1000 + 0.5, 0), 1) },
    { form: 'SIGMOID', of: (value: number) => 1 / (1 + Math.exp((-4 * (value - 2000)) / 1000)) },
  ])('applies a window of the form $form', async ({ form, of }) => {
    const found = shown(await read({ texts: { '00281050': '2000', '00281051': '1000', '00281056': form } }));
    found.forEach((value, index) => {
      expect(value).toBeCloseTo(of(ramp[index] ?? 0), 4);
    });
  });

  it('applies a VOI lookup table if there is no window', async () => {
    const table = Array.from({ length: 4096 }, (_, i) => (i < 2000 ? 0 : 65535));
    expect(shown(await read({ table }))).toEqual(Array.from(ramp, (value) => (value < 2000 ? 0 : 1)));
  });

  it('shows padding black, also in an inverted image', async () => {
    const values = ramp.with(3, 4000);
    const { pixels } = await read({ values, padding: 4000, photometric: 'MONOCHROME1' });
    expect(pixels[3]).toBe(0);
    expect(pixels[0]).toBe(4095);
  });

  it.each<[string, Partial<DicomFields>, RegExp]>([
    [
      'an unknown transfer syntax',
      { syntax: '1.2.840.10008.1.2.4.100' },
      /transfer syntax 1\.2\.840\.10008\.1\.2\.4\.100 is not supported/,
    ],
    ['a deflated file', { syntax: '1.2.840.10008.1.2.1.99' }, /transfer syntax 1\.2\.840\.10008\.1\.2\.1\.99/],
    ['a colour image', { photometric: 'RGB', samples: 3 }, /photometric interpretation RGB with 3 samples/],
    ['several frames', { frames: '3' }, /3 frames/],
    ['too little pixel data', { values: ramp.subarray(0, 20) }, /has 40 bytes instead of 256/],
    ['stored bits that do not fit', { bitsStored: 17 }, /17 bits stored in 16/],
    ['an image without size', { width: 0 }, /no rows or columns/],
    [
      'a frame of another size',
      {
        values: [],
        syntax: '1.2.840.10008.1.2.4.70',
        frame: Uint8Array.of(255, 216, 255, 195, 0, 11, 16, 255, 255, 255, 255, 1, 1, 17, 0),
      },
      /65535 × 65535 pixels, but the header gives 16 × 8 \(DICOM, JPEG lossless\)/,
    ],
    [
      'a truncated RLE frame',
      { values: [], syntax: '1.2.840.10008.1.2.5', frame: new Uint8Array(80).fill(2, 0, 1) },
      /a segment is too short/,
    ],
    ['a broken JPEG 2000 frame', { values: [], syntax: '1.2.840.10008.1.2.4.90', frame: new Uint8Array(100) }, /no frame header/],
  ])('refuses a DICOM file with %s', async (_, fields, message) => {
    await expect(read(fields)).rejects.toMatchObject({ code: 'image-unreadable', message: expect.stringMatching(message) });
  });

  it('refuses a truncated DICOM file', async () => {
    const path = await writeUnder(await temporaryFolder(), 'a.dcm', dicomFile({ width, height, values: ramp }).subarray(0, 200));
    await expect(readRadiograph(path)).rejects.toMatchObject({ code: 'image-unreadable', where: path });
  });

  it('refuses the first half of a real compressed file', async () => {
    const whole = await readFile(join(SAMPLES, 'MR_small_jp2klossless.dcm'));
    const path = await writeUnder(await temporaryFolder(), 'a.dcm', whole.subarray(0, whole.length / 2));
    await expect(readRadiograph(path)).rejects.toMatchObject({ code: 'image-unreadable' });
  });
});

describe('readImageHeader', () => {
  it('gives size and stored bits of a DICOM file', async () => {
    const path = await writeUnder(await temporaryFolder(), 'a', dicomFile({ width, height, values: ramp }));
    expect(await readImageHeader(path)).toEqual({ width, height, channels: 1, bits: 12 });
  });

  it('refuses a DICOM file that claims 100 megapixels', async () => {
    const path = await writeUnder(await temporaryFolder(), 'a.dcm', dicomFile({ width: 10_000, height: 10_000, values: ramp }));
    await expect(readImageHeader(path)).rejects.toMatchObject({ code: 'image-too-large' });
    await expect(readRadiograph(path)).rejects.toMatchObject({ code: 'image-too-large' });
  });
});
