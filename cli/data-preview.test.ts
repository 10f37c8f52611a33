import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { carpal, type Ending, run } from '@carpal/testbed/cli/run-cli.ts';
import { tinyExperiment, writeTinyDataset } from '@carpal/trainer/train/testing/tiny-dataset.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-cli-preview-'));
  await writeTinyDataset(join(folder, 'data'), 3);
  const augmentations = [
    { name: 'elastic', probability: 1 },
    { name: 'wristCrop', probability: 1 },
    { name: 'clahe', probability: 0.5, tiles: 2 },
  ] as const;
  await writeFile(join(folder, 'e.json'), JSON.stringify(tinyExperiment(join(folder, 'data'), { augmentations: [...augmentations] })));
  await rm(join(folder, 'data/train/outputs_json/ID002'), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const preview = (...words: string[]): Promise<Ending> => run(carpal('data', 'preview', '--experiment', 'e.json', ...words), folder);

describe('carpal data preview', () => {
  it('writes one contact sheet per chosen image, with one tile per epoch, and the same again on a second call', async () => {
    const [first, second] = [join(folder, 'a'), join(folder, 'b')];
    const { stdout, stderr, code } = await preview('--out', first, '--images', '3', '--variants', '2');
    expect([stderr, code]).toEqual(['', 0]);
    const names = ['image1_L.preview.png', 'image2_L.preview.png', 'image3_L.preview.png'];
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => join(first, name)));
    expect((await readdir(first)).toSorted()).toEqual(names);
    // A PNG starts with its signature and its header; width and height start at byte 16.
    const png = await readFile(join(first, names[0] ?? ''));
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    expect(width).toBeGreaterThan(3 * 256);
    expect(height).toBeGreaterThan(256);
    await preview('--out', second, '--images', '1', '--variants', '2');
    expect(await readFile(join(second, names[0] ?? ''))).toEqual(await readFile(join(first, names[0] ?? '')));
    await preview('--out', second, '--images', '1', '--variants', '2', '--epoch', '8');
    expect(await readFile(join(second, names[0] ?? ''))).not.toEqual(await readFile(join(first, names[0] ?? '')));
  });

  it.each([
    [['--out', 'x', '--variants', '0'], 64, '--variants'],
    [['--out', 'x', '--epoch', '0'], 64, '--epoch'],
    [[], 64, '--out'],
  ])('refuses %j', async (words, code, named) => {
    expect(await preview(...words)).toMatchObject({ code, stderr: expect.stringContaining(named) });
  });
});
