import { describe, expect, it } from 'vitest';
import { discoverDataset, pairNames } from './discover.ts';
import { temporaryFolder, writeSmallDataset, writeUnder } from './testing/small-dataset.ts';

/** The start of a DICOM file. */
const DICOM = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]);

describe('discoverDataset', () => {
  it('finds both halves with groups, annotations, and names with and without a side', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 2, testPeople: 1 });
    const { train, test, orphanAnnotations } = await discoverDataset(folder);
    expect(train.map(({ group, imageName }) => `${group}/${imageName}`)).toEqual([
      'ID001/image1.png',
      'ID001/image1_R.png',
      'ID002/image2.png',
      'ID002/image2_R.png',
    ]);
    expect(train.every(({ imageName, annotationPath }) => annotationPath?.endsWith(imageName.replace('.png', '.json')))).toBe(true);
    expect(test.map(({ group, annotationPath }) => [group, annotationPath])).toEqual([
      ['ID003', undefined],
      ['ID003', undefined],
    ]);
    expect(orphanAnnotations).toEqual([]);
  });

  it('lists an image without JSON and a JSON file without an image', async () => {
    const folder = await temporaryFolder();
    await writeUnder(folder, 'train/DCM/ID001/image1.png', '');
    await writeUnder(folder, 'train/outputs_json/ID001/image2.json', '{}');
    await writeUnder(folder, 'train/outputs_json/ID009/image9.json', '{}');
    const { train, orphanAnnotations } = await discoverDataset(folder);
    expect(train[0]).not.toHaveProperty('annotationPath');
    expect(orphanAnnotations.map((path) => path.slice(folder.length))).toEqual([
      '/train/outputs_json/ID001/image2.json',
      '/train/outputs_json/ID009/image9.json',
    ]);
  });

  it('finds images of every format, by extension or, without one, by content, and lists the files that are not read', async () => {
    const folder = await temporaryFolder();
    const names = ['a.png', 'b.JPG', 'c.jpeg', 'd.tif', 'e.dcm', '1.2.840.7'];
    for (const name of names) await writeUnder(folder, `train/DCM/ID001/${name}`, name === '1.2.840.7' ? DICOM : '');
    for (const stem of ['a', 'b', 'c', 'd', 'e', '1.2.840.7']) await writeUnder(folder, `train/outputs_json/ID001/${stem}.json`, '{}');
    for (const name of ['train/DCM/ID001/f.bmp', 'train/DCM/ID001/README', 'train/DCM/loose.png', 'test/DCM/ID002/g.txt'])
      await writeUnder(folder, name, '');
    await writeUnder(folder, 'test/DCM/ID002/h.jpg', '');
    const { train, test, ignoredFiles, orphanAnnotations } = await discoverDataset(folder);
    expect(train.map(({ imageName }) => imageName)).toEqual(names.toSorted());
    expect(train.every(({ annotationPath }) => annotationPath !== undefined)).toBe(true);
    expect(orphanAnnotations).toEqual([]);
    expect(test.map(({ imageName }) => imageName)).toEqual(['h.jpg']);
    expect(ignoredFiles.map((path) => path.slice(folder.length + 1)).toSorted()).toEqual([
      'test/DCM/ID002/g.txt',
      'train/DCM/ID001/README',
      'train/DCM/ID001/f.bmp',
      'train/DCM/loose.png',
    ]);
  });

  it('pairs people and images whose names are stored composed in one folder and decomposed in the other', async () => {
    const folder = await temporaryFolder();
    await writeUnder(folder, `train/DCM/${'홍길동'.normalize('NFD')}/${'손.png'.normalize('NFD')}`, '');
    await writeUnder(folder, `train/outputs_json/${'홍길동'.normalize('NFC')}/${'손.json'.normalize('NFC')}`, '{}');
    const { train, orphanAnnotations } = await discoverDataset(folder);
    expect(train).toMatchObject([{ group: '홍길동'.normalize('NFC'), imageName: '손.png'.normalize('NFC') }]);
    expect(train[0]?.annotationPath).toBeDefined();
    expect(orphanAnnotations).toEqual([]);
  });

  it('accepts a data set without a test half', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 1, testPeople: 0 });
    expect((await discoverDataset(folder)).test).toEqual([]);
  });

  it('reports a missing folder and a folder without images', async () => {
    const folder = await temporaryFolder();
    await expect(discoverDataset(`${folder}/none`)).rejects.toMatchObject({ code: 'dataset-missing', where: `${folder}/none` });
    await expect(discoverDataset(folder)).rejects.toMatchObject({ code: 'dataset-layout' });
    await writeUnder(folder, 'train/DCM/ID001/a.bmp', '');
    await expect(discoverDataset(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/1 other files are ignored, such as .*a\.bmp/),
    });
  });
});

describe('pairNames', () => {
  it.each([
    {
      rule: 'pairs names with equal stems',
      images: ['a_R.png', 'b.png'],
      annotations: ['b.json', 'a_R.json'],
      pairs: { 'a_R.png': 'a_R.json', 'b.png': 'b.json' },
      orphans: [],
    },
    {
      rule: 'pairs names that differ only in a side suffix',
      images: ['a_R.png', 'b.png'],
      annotations: ['a.json', 'b_L.json'],
      pairs: { 'a_R.png': 'a.json', 'b.png': 'b_L.json' },
      orphans: [],
    },
    {
      rule: 'does not pair two hands that share a name without their suffix',
      images: ['a_R.png', 'a_L.png'],
      annotations: ['a.json'],
      pairs: {},
      orphans: ['a.json'],
    },
    {
      rule: 'prefers an exact match over a match without the suffix',
      images: ['a.png', 'a_L.png'],
      annotations: ['a.json'],
      pairs: { 'a.png': 'a.json' },
      orphans: [],
    },
  ])('$rule', ({ images, annotations, pairs, orphans }) => {
    const found = pairNames(images, annotations);
    expect(Object.fromEntries(found.annotationOf)).toEqual(pairs);
    expect(found.orphans).toEqual(orphans);
  });
});
