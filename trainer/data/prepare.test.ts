import { cp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { greyRange } from '@carpal/report/dataset/grey-range.ts';
import { openPrepared, type PreparedSample, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { dicomFile } from '@carpal/report/dataset/testing/dicom-file.ts';
import {
  annotationText,
  rectangle,
  SMALL_CLASSES,
  temporaryFolder,
  writeSmallDataset,
  writeUnder,
} from '@carpal/report/dataset/testing/small-dataset.ts';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type PrepareProgress, prepareDataset, sourceHash } from './prepare.ts';
import { resizeToSquare } from './resize-image.ts';

const prepare = async (folder: string, artifacts: string, more: Partial<Parameters<typeof prepareDataset>[0]> = {}): Promise<PreparedSet> =>
  prepareDataset({ folder, size: 16, classes: SMALL_CLASSES, store: openFolderStore(artifacts), namespace: 'team-a', ...more });

const sampleNamed = (set: PreparedSet, name: string): PreparedSample => {
  const sample = set.samples.find(({ imageName }) => imageName === name);
  if (!sample) throw new Error(`no sample ${name}`);
  return sample;
};

describe('prepareDataset', () => {
  it('stores every image at training size, and polygons in pixels of the radiograph', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder);
    const set = await prepare(folder, artifacts);
    expect(set).toMatchObject({
      size: 16,
      normalize: 'unit',
      classes: SMALL_CLASSES,
      folder: join(artifacts, 'datasets/prepared/team-a', set.hash),
    });
    expect(set.samples.map(({ half, group, width, height }) => [half, group, width, height])).toEqual([
      ...['ID001', 'ID001', 'ID002', 'ID002', 'ID003', 'ID003'].map((group) => ['train', group, 64, 48]),
      ...['ID004', 'ID004'].map((group) => ['test', group, 64, 48]),
    ]);
    const sample = sampleNamed(set, 'image1_R.png');
    expect(Array.from((await set.readPolygons(sample))[0] ?? [])).toEqual(rectangle(12, 9, 23, 29).flat());
    const image = await set.readImage(sample);
    expect(image).toHaveLength(256);
    // Scale 4 with 8 rows of black above: square pixel (4, 5) covers columns 16–19 and rows 12–15 of the image, inside the bright part.
    expect([image[0], image[2 * 16], image[5 * 16 + 4]]).toEqual([0, 20, 200]);
    expect(sample.boneArea).toBeCloseTo((11 * 20 + 10 * 20 + 4 * 5) / (64 * 48));
    const test = sampleNamed(set, 'image4.png');
    expect(test).not.toHaveProperty('boneArea');
    expect(await set.readPolygons(test)).toEqual(SMALL_CLASSES.map(() => new Float32Array(0)));
    expect((await openPrepared(set.folder)).samples).toEqual(set.samples);
  });

  it('keeps the grey levels of 12-bit images in 16-bit PNGs', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder, { people: 1, testPeople: 0 });
    const [width, height] = [64, 64];
    const pixels = Uint16Array.from({ length: width * height }, (_, i) => Math.round(((i % width) * 4095) / (width - 1)));
    const png = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    await writeUnder(folder, 'train/DCM/ID001/image1.png', png);
    const set = await prepare(folder, artifacts, { size: 64 });
    const image = await set.readImage(sampleNamed(set, 'image1.png'));
    expect(new Set(image).size).toBe(64);
    expect([image[0], image[63]]).toEqual([0, 255]);
  });

  it.each(['percentile', 'perImage'] as const)(
    'normalizes with %s before it rounds to bytes, in a set with its own name',
    async (normalize) => {
      const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
      await writeSmallDataset(folder, { people: 1, testPeople: 0 });
      const [width, height] = [64, 64];
      // All greys are within a hundredth of the range.
      const pixels = Uint16Array.from({ length: width * height }, (_, i) => 30_000 + 10 * (i % width));
      const png = await sharp(pixels, { raw: { width, height, channels: 1 } })
        .toColourspace('grey16')
        .png()
        .toBuffer();
      await writeUnder(folder, 'train/DCM/ID001/image1.png', png);
      const [plain, set] = [await prepare(folder, artifacts, { size: 64 }), await prepare(folder, artifacts, { size: 64, normalize })];
      expect(set.hash).not.toBe(plain.hash);
      expect(set.normalize).toBe(normalize);
      const [before, image] = [
        await plain.readImage(sampleNamed(plain, 'image1.png')),
        await set.readImage(sampleNamed(set, 'image1.png')),
      ];
      expect(new Set(before).size).toBeLessThan(5);
      expect(new Set(image).size).toBeGreaterThan(60);
      const own = await readRadiograph(join(folder, 'train/DCM/ID001/image1.png'));
      expect(new Uint8Array(image)).toEqual(resizeToSquare(own, squareFit(width, height, 64), greyRange(own, normalize)));
    },
  );

  it('prepares JPEG and DICOM images like PNGs', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    const grey = Uint8Array.from({ length: 64 * 48 }, (_, i) => i % 200);
    const jpeg = await sharp(grey, { raw: { width: 64, height: 48, channels: 1 } })
      .jpeg({ quality: 100 })
      .toBuffer();
    const dicom = dicomFile({ width: 64, height: 48, values: grey, bitsAllocated: 8, bitsStored: 8 });
    await writeUnder(folder, 'train/DCM/ID001/a.jpg', jpeg);
    await writeUnder(folder, 'train/DCM/ID001/b.dcm', dicom);
    await writeUnder(folder, 'test/DCM/ID002/1.2.840.9', dicom);
    for (const stem of ['a', 'b'])
      await writeUnder(folder, `train/outputs_json/ID001/${stem}.json`, annotationText({ first: rectangle(1, 1, 9, 9) }));
    const set = await prepare(folder, artifacts);
    expect(set.samples.map(({ imageName, half, width, height }) => [imageName, half, width, height])).toEqual([
      ['a.jpg', 'train', 64, 48],
      ['b.dcm', 'train', 64, 48],
      ['1.2.840.9', 'test', 64, 48],
    ]);
    const [a, b] = [await set.readImage(sampleNamed(set, 'a.jpg')), await set.readImage(sampleNamed(set, 'b.dcm'))];
    expect(Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? 0))))).toBeLessThan(6);
  });

  it('gives 16-bit PNGs, whose white was 65535 once, and tables that were not read once, another hash than before', async () => {
    const folder = await temporaryFolder();
    const recipe = { size: 16, normalize: 'unit', classes: SMALL_CLASSES } as const;
    const hashNow = async (): Promise<string> => sourceHash(await discoverDataset(folder), recipe, 1);
    const header = (bits: number): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(16), Buffer.of(bits)]);
    await writeUnder(folder, 'train/outputs_json/ID1/a.json', '{}');
    await writeUnder(folder, 'train/DCM/ID1/a.png', header(8));
    expect(await hashNow()).toBe('4a4bc85f450396c12974516d');
    await writeUnder(folder, 'train/DCM/ID1/a.png', header(16));
    expect(await hashNow()).not.toBe('4abf89d84ed659f927448336');
    await writeUnder(folder, 'train/DCM/ID1/a.png', header(8));
    await writeUnder(folder, 'meta_data.csv', 'ID,sex,height\n1,F,160\n');
    expect(await hashNow()).toBe('281c2182dd857af352e63c8d');
    await writeUnder(folder, 'meta_data.csv', 'ID;sex;height\n1;F;160\n');
    expect(await hashNow()).not.toBe('de57f64df8466e4810ace645');
  });

  it('reads sex and height from the table next to the images', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder, { people: 1 });
    await writeUnder(folder, 'meta_data.csv', 'ID,성별,키(신장)\n1,_x0008_여,163\n');
    const set = await prepare(folder, artifacts);
    expect(sampleNamed(set, 'image1.png')).toMatchObject({ sex: '여', heightCm: 163 });
    expect(sampleNamed(set, 'image2.png')).not.toHaveProperty('sex');
  });

  it('gives a copied or touched data set the same hash, and other contents, sizes or classes another one', async () => {
    const [folder, copy, artifacts] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder, { people: 1 });
    await cp(folder, copy, { recursive: true });
    await utimes(join(copy, 'train/DCM/ID001/image1.png'), 1000, 1000);
    const { hash } = await prepare(folder, artifacts);
    expect((await prepare(copy, artifacts)).hash).toBe(hash);
    expect((await prepare(folder, artifacts, { size: 32 })).hash).not.toBe(hash);
    expect((await prepare(folder, artifacts, { classes: [...SMALL_CLASSES, 'fourth'] })).hash).not.toBe(hash);
    await writeFile(join(copy, 'train/outputs_json/ID001/image1.json'), annotationText({ first: rectangle(1, 1, 5, 5) }));
    expect((await prepare(copy, artifacts)).hash).not.toBe(hash);
  });

  it('stores larger images for views in a set with its own name, no larger than the original, and adds missing ones', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder, { people: 1 });
    const [plain, set] = [await prepare(folder, artifacts), await prepare(folder, artifacts, { detailSize: 48 })];
    expect(set.hash).not.toBe(plain.hash);
    const larger = await prepare(folder, artifacts, { detailSize: 100 });
    expect(larger.hash).not.toBe(set.hash);
    // The radiograph has 64 × 48 pixels: its square is the image itself, between black borders.
    const whole = await larger.readImage(sampleNamed(larger, 'image1.png'), 100);
    expect(whole).toHaveLength(64 * 64);
    const original = await readRadiograph(join(folder, 'train/DCM/ID001/image1.png'));
    expect(whole.subarray(8 * 64, 56 * 64)).toEqual(Buffer.from(original.pixels));
    const sample = sampleNamed(set, 'image1.png');
    expect(await set.readImage(sample)).toEqual(await plain.readImage(sample));
    const square = await set.readImage(sample, 48);
    const own = await readRadiograph(join(folder, 'train/DCM/ID001/image1.png'));
    expect(new Uint8Array(square)).toEqual(resizeToSquare(own, squareFit(64, 48, 48)));
    expect(await set.readImage(sampleNamed(set, 'image2.png'), 48)).toHaveLength(48 * 48);
    await expect(set.readImage(sample, 32)).rejects.toMatchObject({
      code: 'artifact-missing',
      message: 'the data set was prepared at 16 and 48 pixels, not at 32',
    });
    await expect(plain.readImage(sample, 48)).rejects.toMatchObject({ code: 'artifact-missing' });

    // The state after the process was killed.
    await rm(join(set.folder, 'index.json'));
    await rm(join(set.folder, 'large/image1.png.u8'));
    const seen: PrepareProgress[] = [];
    const again = await prepare(folder, artifacts, { detailSize: 48, onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ done: 4, total: 4, reused: 3 });
    expect(await again.readImage(sample, 48)).toEqual(square);
  });

  it('makes a finished set that is used again as young as its last use, so that it counts as used', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder, { people: 1 });
    const index = join((await prepare(folder, artifacts)).folder, 'index.json');
    await utimes(index, 1000, 1000);
    await prepare(folder, artifacts);
    expect((await stat(index)).mtimeMs).toBeGreaterThan(1_000_000);
  });

  it('keeps the name of a set without larger images stable', async () => {
    const folder = await temporaryFolder();
    await writeUnder(folder, 'train/DCM/ID1/a.png', 'not decoded');
    await writeUnder(folder, 'train/outputs_json/ID1/a.json', '{}');
    const recipe = { size: 16, normalize: 'unit', classes: SMALL_CLASSES } as const;
    expect(await sourceHash(await discoverDataset(folder), recipe, 1)).toBe('6d8c46fcf22d80d9f3f5d51a');
  });

  it('continues after a stop with the same result', async () => {
    const [folder, artifacts, other] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder);
    const stop = new AbortController();
    const onProgress = ({ done }: PrepareProgress): void => {
      if (done === 3) stop.abort();
    };
    await expect(prepare(folder, artifacts, { workers: 1, signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'stopped-with-checkpoint',
    });
    const hashFolder = join(artifacts, 'datasets/prepared/team-a', (await readdir(join(artifacts, 'datasets/prepared/team-a')))[0] ?? '');
    expect(await readdir(hashFolder)).not.toContain('index.json');

    // The state after the process was killed: one image without its polygons.
    await rm(join(hashFolder, 'polygons/image1.png.f32'));
    const seen: PrepareProgress[] = [];
    const resumed = await prepare(folder, artifacts, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ done: 8, total: 8, reused: 3 });
    const whole = await prepare(folder, other);
    expect(resumed.samples).toEqual(whole.samples);
    for (const sample of whole.samples) {
      expect(await resumed.readImage(sample)).toEqual(await whole.readImage(sample));
      expect(await resumed.readPolygons(sample)).toEqual(await whole.readPolygons(sample));
    }
    await prepare(folder, artifacts, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ done: 8, total: 8, reused: 8 });
  });

  const image2 = 'train/DCM/ID002/image2.png';
  const json2 = 'train/outputs_json/ID002/image2.json';
  it.each([
    { input: 'an image without JSON', code: 'annotation-missing', where: image2, harm: async (folder: string) => rm(join(folder, json2)) },
    {
      input: 'a truncated PNG',
      code: 'image-unreadable',
      where: image2,
      harm: async (folder: string) => truncate(join(folder, image2), 80),
    },
    {
      input: 'a truncated test PNG',
      code: 'image-unreadable',
      where: 'test/DCM/ID004/image4.png',
      harm: async (folder: string) => truncate(join(folder, 'test/DCM/ID004/image4.png'), 80),
    },
    {
      input: 'a polygon with two points',
      code: 'annotation-invalid',
      where: json2,
      harm: async (folder: string) => writeUnder(folder, json2, annotationText({ first: rectangle(1, 1, 5, 5).slice(2) })),
    },
    {
      input: 'an unknown label',
      code: 'annotation-invalid',
      where: json2,
      harm: async (folder: string) => writeUnder(folder, json2, annotationText({ ring: rectangle(1, 1, 5, 5) })),
    },
    {
      input: 'JSON with NaN',
      code: 'annotation-invalid',
      where: json2,
      harm: async (folder: string) => writeUnder(folder, json2, annotationText({ first: [[1, 2]] }).replace('[1,2]', '[NaN,2]')),
    },
    {
      input: 'two images with the same name',
      code: 'dataset-layout',
      where: 'ID009/image2.png',
      harm: async (folder: string) => cp(join(folder, image2), join(folder, 'test/DCM/ID009/image2.png')),
    },
  ])('reports $input with the name of the file, and completes no set', async ({ code, where, harm }) => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder);
    await harm(folder);
    await expect(prepare(folder, artifacts)).rejects.toMatchObject({ code, where: expect.stringContaining(where) });
    expect((await openFolderStore(artifacts).list('')).filter(({ key }) => key.endsWith('index.json'))).toEqual([]);
  });
});

describe('openPrepared', () => {
  it('rejects a folder without a set, an index of another version, and an image of another size', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await expect(openPrepared(folder)).rejects.toMatchObject({ code: 'prepared-invalid', where: join(folder, 'index.json') });
    await writeSmallDataset(folder, { people: 1 });
    const set = await prepare(folder, artifacts);
    const sample = sampleNamed(set, 'image1.png');
    await truncate(join(set.folder, 'images/image1.png.u8'), 100);
    await expect(set.readImage(sample)).rejects.toMatchObject({
      code: 'prepared-invalid',
      message: 'the image has 100 bytes instead of 256',
    });
    const index = join(set.folder, 'index.json');
    await writeFile(index, (await readFile(index, 'utf8')).replace('"version":1', '"version":99'));
    await expect(openPrepared(set.folder)).rejects.toMatchObject({
      code: 'prepared-invalid',
      message: 'the index has version 99 instead of 1',
    });
  });
});
