import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readImageHeader, readRadiograph } from './read-radiograph.ts';
import { greyPng, temporaryFolder, writeUnder } from './testing/small-dataset.ts';

const [width, height] = [40, 30];
const ramp = Uint8Array.from({ length: width * height }, (_, i) => i % 256);
const interleaved = (channels: number, alpha = 0): Uint8Array =>
  Uint8Array.from({ length: ramp.length * channels }, (_, i) =>
    alpha > 0 && i % channels === channels - 1 ? alpha : (ramp[Math.floor(i / channels)] as number),
  );

describe('readRadiograph', () => {
  it.each([
    { form: 'grey', png: async () => greyPng(width, height, (x, y) => ramp[y * width + x] as number) },
    {
      form: 'grey in RGB',
      png: async () =>
        sharp(interleaved(3), { raw: { width, height, channels: 3 } })
          .png()
          .toBuffer(),
    },
    {
      form: 'grey in RGBA, half transparent',
      png: async () =>
        sharp(interleaved(4, 128), { raw: { width, height, channels: 4 } })
          .png()
          .toBuffer(),
    },
    {
      form: 'grey in RGB with a palette',
      png: async () =>
        sharp(interleaved(3), { raw: { width, height, channels: 3 } })
          .png({ palette: true, dither: 0, quality: 100 })
          .toBuffer(),
    },
    {
      form: 'grey in RGB, interlaced',
      png: async () =>
        sharp(interleaved(3), { raw: { width, height, channels: 3 } })
          .png({ progressive: true })
          .toBuffer(),
    },
  ])('decodes 8-bit $form to its exact values in one channel', async ({ png }) => {
    const radiograph = await readRadiograph(await writeUnder(await temporaryFolder(), 'a.png', await png()));
    expect(radiograph).toMatchObject({ width, height, white: 255 });
    expect(Array.from(radiograph.pixels)).toEqual(Array.from(ramp));
  });

  it.each([1, 3] as const)('decodes all 16 bits of a 16-bit PNG with %i channels', async (channels) => {
    const deep = Uint16Array.from({ length: width * height }, (_, i) => (i * 53) % 65536);
    const pixels = Uint16Array.from({ length: deep.length * channels }, (_, i) => deep[Math.floor(i / channels)] as number);
    const space = channels === 1 ? 'grey16' : 'rgb16';
    const png = await sharp(pixels, { raw: { width, height, channels } }).toColourspace(space).png().toBuffer();
    const radiograph = await readRadiograph(await writeUnder(await temporaryFolder(), 'a.png', png));
    expect(radiograph).toMatchObject({ width, height, white: 65535 });
    expect(Array.from(radiograph.pixels)).toEqual(Array.from(deep));
  });

  it.each([
    { largest: 200, white: 255 },
    { largest: 1023, white: 1023 },
    { largest: 4095, white: 4095 },
    { largest: 3900, white: 4095 },
    { largest: 4096, white: 16383 },
    { largest: 16384, white: 65535 },
  ])('takes $white for white in a 16-bit PNG whose largest value is $largest', async ({ largest, white }) => {
    const pixels = Uint16Array.from({ length: width * height }, (_, i) => Math.round((i * largest) / (width * height - 1)));
    const png = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const radiograph = await readRadiograph(await writeUnder(await temporaryFolder(), 'a.png', png));
    expect(radiograph.white).toBe(white);
    expect(Array.from(radiograph.pixels)).toEqual(Array.from(pixels));
  });

  it('decodes a JPEG, whatever its name is, and TIFF of 16 bits', async () => {
    const grey = sharp(
      ramp.map((value) => value >> 1),
      { raw: { width, height, channels: 1 } },
    );
    const folder = await temporaryFolder();
    const jpeg = await readRadiograph(await writeUnder(folder, 'a.png', await grey.jpeg({ quality: 100 }).toBuffer()));
    expect(jpeg).toMatchObject({ width, height, white: 255 });
    const deep = Uint16Array.from(ramp, (value) => value * 257);
    const raw = sharp(deep, { raw: { width, height, channels: 1 } }).toColourspace('grey16');
    const tiff = await readRadiograph(await writeUnder(folder, 'a.tif', await raw.tiff({ compression: 'deflate' }).toBuffer()));
    expect(Array.from(tiff.pixels)).toEqual(Array.from(deep));
  });

  it('rejects a truncated PNG', async () => {
    const png = await greyPng(200, 200, (x, y) => (x * y) % 251);
    const path = await writeUnder(await temporaryFolder(), 'a.png', png);
    await truncate(path, Math.floor(png.length / 2));
    await expect(readRadiograph(path)).rejects.toMatchObject({ code: 'image-unreadable', where: path });
  });

  it.each([
    { file: 'a text file', content: 'not an image' },
    { file: 'an empty file', content: '' },
  ])('rejects $file', async ({ content }) => {
    const path = await writeUnder(await temporaryFolder(), 'a.png', content);
    await expect(readRadiograph(path)).rejects.toMatchObject({ code: 'image-unreadable', where: path });
  });

  it('rejects a missing file', async () => {
    await expect(readRadiograph(join('/nowhere', 'a.png'))).rejects.toMatchObject({ code: 'image-unreadable' });
  });

  it('rejects 100 megapixels from the header alone', async () => {
    // A small PNG whose header claims another size: the data after the header must not matter.
    const huge = await greyPng(8, 8, () => 0);
    huge.writeUInt32BE(10_000, 16);
    huge.writeUInt32BE(10_000, 20);
    huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
    const path = await writeUnder(await temporaryFolder(), 'a.png', huge);
    const refusal = { code: 'image-too-large', where: path, message: '10000 × 10000 pixels exceed the limit of 64 megapixels' };
    await expect(readImageHeader(path)).rejects.toMatchObject(refusal);
    await expect(readRadiograph(path)).rejects.toMatchObject(refusal);
  });
});
