import { describe, expect, it } from 'vitest';
import { discoverDataset, pairNames } from './discover.ts';
import { temporaryFolder, writeSmallDataset, writeUnder } from './testing/small-dataset.ts';

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

  it('accepts a data set without a test half', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 1, testPeople: 0 });
    expect((await discoverDataset(folder)).test).toEqual([]);
  });

  it('reports a missing folder and a folder without images', async () => {
    const folder = await temporaryFolder();
    await expect(discoverDataset(`${folder}/none`)).rejects.toMatchObject({ code: 'dataset-missing', where: `${folder}/none` });
    await expect(discoverDataset(folder)).rejects.toMatchObject({ code: 'dataset-layout' });
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
