import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beginPartial } from '@carpal/artifacts/write-file.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { readPersonTable } from '@carpal/report/dataset/person-table.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handFiles } from './phantom-set.ts';
import { synthesizeDataset } from './synthesize.ts';

const SET = { people: 3, testPeople: 2, seed: 9, size: 256 };

let root = '';
const folder = (name: string): string => join(root, name);

/** All files below a folder with the hashes of their contents. */
function listing(path: string): Record<string, string> {
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(path, name)).isFile());
  return Object.fromEntries(
    files.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(path, name)))
        .digest('hex'),
    ]),
  );
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof CarpalError ? error.code : String(error)),
  );
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'carpal-phantom-'));
  expect(await synthesizeDataset({ ...SET, folder: folder('whole'), workers: 2 })).toEqual({ made: 10, kept: 0 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a phantom set', () => {
  it('has the layout of the data set: two hands per person, right before left, separate people for the test, truth in a separate folder', async () => {
    const { train, test, orphanAnnotations } = await discoverDataset(folder('whole'));
    expect(train.map(({ group }) => group)).toEqual(['ID001', 'ID001', 'ID002', 'ID002', 'ID003', 'ID003']);
    expect(test.map(({ group }) => group)).toEqual(['ID004', 'ID004', 'ID005', 'ID005']);
    expect(train.every(({ annotationPath }) => annotationPath)).toBe(true);
    expect(test.some(({ annotationPath }) => annotationPath)).toBe(false);
    expect(orphanAnnotations).toEqual([]);
    for (const { imageName } of [...train, ...test]) expect(imageName).toMatch(/^image\d{13}(_[RL])?\.png$/);
    expect(train.slice(0, 2).map(({ imageName }) => imageName.slice(-6))).toEqual(['_R.png', '_L.png']);
    expect(readdirSync(join(folder('whole'), 'truth', 'outputs_json'))).toEqual(['ID004', 'ID005']);
  });

  it('has grey images with three channels', async () => {
    const [sample] = (await discoverDataset(folder('whole'))).train;
    const { data, info } = await sharp(sample?.imagePath).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([256, 256, 3]);
    for (let at = 0; at < data.length; at += 3) if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) expect.unreachable('not grey');
  });

  it('has annotations with the keys of the real ones and one polygon per class, readable by the data set reader', async () => {
    const classes = loadClasses('hand-bones');
    for (const sample of (await discoverDataset(folder('whole'))).train) {
      const document = JSON.parse(readFileSync(sample.annotationPath ?? '', 'utf8'));
      expect(Object.keys(document)).toEqual([
        'annotations',
        'attributes',
        'file_id',
        'filename',
        'parent_path',
        'last_modifier_id',
        'metadata',
        'last_workers',
      ]);
      expect(document.metadata).toEqual({ height: 3060, width: 3060 });
      expect(document.filename).toBe(sample.imageName.replace('.png', '.jpg'));
      expect(document.annotations.map(({ label }: { label: string }) => label)).toEqual(classes);
      expect(document.annotations[0]).toMatchObject({ id: expect.stringMatching(/^30-[0-9a-f-]{36}$/), type: 'poly_seg', attributes: {} });
      const polygons = await readAnnotation(sample.annotationPath ?? '', classes);
      expect(polygons.every((polygon) => polygon.length >= 6)).toBe(true);
    }
  });

  it('has a table of its people', async () => {
    const people = (await readPersonTable(folder('whole')))?.people ?? new Map();
    expect([...people.keys()]).toEqual(['1', '2', '3', '4', '5']);
    for (const { sex, heightCm } of people.values()) {
      expect(sex).toMatch(/^[FM]$/);
      expect(heightCm).toBeGreaterThanOrEqual(150);
    }
  });

  it('has the side in few file names', () => {
    const names = handFiles({ ...SET, people: 400 }).map(({ name }) => name);
    expect(names.filter((name) => /_[RL]$/.test(name)).length / names.length).toBeLessThan(0.02);
    expect(new Set(names).size).toBe(names.length);
    expect([...names].sort()).toEqual(names);
  });

  it('is the same with one thread and two, and after an interruption', async () => {
    const stop = new AbortController();
    const interrupted = synthesizeDataset({
      ...SET,
      folder: folder('again'),
      workers: 1,
      signal: stop.signal,
      onProgress: (done) => done === 4 && stop.abort(),
    });
    expect(await codeOf(interrupted)).toBe('stopped-with-checkpoint');
    expect(Object.keys(listing(folder('again')))).not.toContain('phantom.json');
    writeFileSync(beginPartial(join(folder('again'), 'train', 'DCM', 'ID001', 'image1.png')), 'left by a killed run');
    expect(await synthesizeDataset({ ...SET, folder: folder('again'), workers: 1 })).toEqual({ made: 6, kept: 4 });
    expect(listing(folder('again'))).toEqual(listing(folder('whole')));
  });

  it('is not changed if it is complete', async () => {
    expect(await synthesizeDataset({ ...SET, folder: folder('whole') })).toEqual({ made: 0, kept: 10 });
  });

  it('does not overwrite another set, other files or a file', async () => {
    const before = listing(folder('whole'));
    expect(await codeOf(synthesizeDataset({ ...SET, seed: 10, folder: folder('whole') }))).toBe('phantom-folder-taken');
    expect(listing(folder('whole'))).toEqual(before);
    writeFileSync(folder('a-file'), 'text');
    expect(await codeOf(synthesizeDataset({ ...SET, folder: folder('a-file') }))).toBe('phantom-folder-taken');
    expect(await codeOf(synthesizeDataset({ ...SET, folder: root }))).toBe('phantom-folder-taken');
  });

  it('fails with the code of the problem if its folder cannot be created', async () => {
    writeFileSync(folder('blocked'), 'text');
    expect(await codeOf(synthesizeDataset({ ...SET, folder: join(folder('blocked'), 'below') }))).toMatch(
      /folder-unwritable|phantom-folder-taken/,
    );
  });
});
