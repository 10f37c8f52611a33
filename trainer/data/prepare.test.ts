import { cp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { openPrepared, type PreparedSample, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import {
  annotationText,
  rectangle,
  SMALL_CLASSES,
  temporaryFolder,
  writeSmallDataset,
  writeUnder,
} from '@carpal/report/dataset/testing/small-dataset.ts';
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

  it('stores larger images for windows in a set with its own name, and adds missing ones', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writeSmallDataset(folder, { people: 1 });
    const [plain, set] = [await prepare(folder, artifacts), await prepare(folder, artifacts, { sheetSize: 48 })];
    expect(set.hash).not.toBe(plain.hash);
    expect((await prepare(folder, artifacts, { sheetSize: 16 })).hash).toBe(plain.hash);
    expect((await prepare(folder, artifacts, { sheetSize: 64 })).hash).not.toBe(set.hash);
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
    await rm(join(set.folder, 'sheets/image1.png.u8'));
    const seen: PrepareProgress[] = [];
    const again = await prepare(folder, artifacts, { sheetSize: 48, onProgress: (progress) => seen.push(progress) });
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
