import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { formatRle } from '@carpal/masks/rle-text.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSubmission } from './check-submission.ts';
import { findImages } from './image-folder.ts';
import { scoreSubmission } from './score-submission.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-check-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const classes = ['Radius', 'Ulna'];
const SQUARE = [2, 2, 9, 2, 9, 9, 2, 9];
const HALF = [2, 2, 9, 2, 9, 5, 2, 5];

async function image(path: string, width: number, height: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: '#222222' } })
    .png()
    .toFile(path);
}

function annotation(path: string, radius: readonly number[], ulna: readonly number[]): void {
  const points = (polygon: readonly number[]): number[][] => polygon.flatMap((x, i) => (i % 2 === 0 ? [[x, polygon[i + 1] ?? 0]] : []));
  const annotations = [
    { label: 'Radius', points: points(radius) },
    ...(ulna.length === 0 ? [] : [{ label: 'Ulna', points: points(ulna) }]),
  ];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify({ annotations }));
}

function submission(...rows: readonly string[]): string {
  const path = join(folder, 'given.csv');
  writeFileSync(path, ['image_name,class,rle', ...rows, ''].join('\n'));
  return path;
}

const rle = (polygon: readonly number[], width = 20, height = 20): string => formatRle(fillPolygon(polygon, width, height));
const data = join(folder, 'data');

beforeAll(async () => {
  await image(join(data, 'test/DCM/ID002/b.png'), 20, 20);
  await image(join(data, 'test/DCM/ID003/c.png'), 30, 12);
  await image(join(data, 'train/DCM/ID001/a.png'), 20, 20);
  annotation(join(data, 'truth/outputs_json/ID002/b.json'), SQUARE, HALF);
  annotation(join(data, 'truth/outputs_json/ID003/c.json'), SQUARE, HALF);
});

const right = (): string[] => [
  `b.png,Radius,${rle(SQUARE)}`,
  'b.png,Ulna,',
  `c.png,Radius,${rle(HALF, 30, 12)}`,
  `c.png,Ulna,${rle(HALF, 30, 12)}`,
];

describe('findImages', () => {
  it('returns only the test half of a data set', async () => {
    expect((await findImages(data)).map((file) => file.imageName)).toEqual(['b.png', 'c.png']);
  });

  it('returns every image of another folder at any depth, or a single image', async () => {
    expect((await findImages(join(data, 'train'))).map((file) => file.imageName)).toEqual(['a.png']);
    expect((await findImages(join(data, 'train/DCM/ID001/a.png'))).map((file) => file.imageName)).toEqual(['a.png']);
  });

  it('finds JPEG, TIFF and DICOM images, and leaves out other files', async () => {
    const mixed = join(folder, 'mixed');
    for (const name of ['a.JPG', 'b.tif', 'c.dcm', '1.2.840.5', 'notes.txt', 'README']) {
      mkdirSync(mixed, { recursive: true });
      writeFileSync(join(mixed, name), name === '1.2.840.5' ? Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]) : '');
    }
    expect((await findImages(mixed)).map((file) => file.imageName)).toEqual(['1.2.840.5', 'a.JPG', 'b.tif', 'c.dcm']);
  });

  it('rejects two images with the same name, a folder without images, and a missing folder', async () => {
    const doubled = join(folder, 'doubled');
    await image(join(doubled, 'x/a.png'), 4, 4);
    await image(join(doubled, 'y/a.png'), 4, 4);
    await expect(findImages(doubled)).rejects.toMatchObject({ code: 'dataset-layout' });
    mkdirSync(join(folder, 'empty'));
    await expect(findImages(join(folder, 'empty'))).rejects.toMatchObject({ code: 'dataset-layout' });
    await expect(findImages(join(folder, 'none'))).rejects.toMatchObject({ code: 'dataset-missing' });
  });
});

describe('checkSubmission', () => {
  it('accepts a complete submission and counts its empty masks', async () => {
    const check = await checkSubmission(submission(...right()), data, classes);
    expect(check).toEqual({ valid: true, images: 2, rows: 4, emptyMasks: 1, problems: [] });
  });

  it.each<[string, (rows: string[]) => string[], string]>([
    ['a missing row', (rows) => rows.slice(1), 'b.png lacks 1 of 2 rows: Radius'],
    ['a missing image', (rows) => rows.slice(2), 'b.png has no row'],
    ['a repeated row', (rows) => [...rows, rows[3] ?? ''], 'c.png, Ulna already has a row on line 5'],
    ['an unknown class', (rows) => [...rows, 'c.png,Elbow,'], 'Elbow is not one of the classes'],
    ['an unknown image', (rows) => [...rows, 'd.png,Radius,'], 'd.png is not one of the images'],
    [
      'classes out of order',
      ([a = '', b = '', ...rest]) => [b, a, ...rest],
      'Radius comes after Ulna, which is not the order of the classes',
    ],
    [
      'rows of an image that are not consecutive',
      ([a = '', b = '', c = '', d = '']) => [a, c, d, b],
      'the rows of b.png are not consecutive',
    ],
    ['a mask beyond its image', (rows) => rows.with(1, 'b.png,Ulna,399 3'), 'goes beyond the last pixel of the image, 400'],
  ])('reports %s', async (_, change, what) => {
    const check = await checkSubmission(submission(...change(right())), data, classes);
    expect(check.valid).toBe(false);
    expect(check.problems.map((problem) => problem.what).join('\n')).toContain(what);
  });
});

describe('scoreSubmission', () => {
  const size = { width: 20, height: 20 };

  it('returns the mean over image and class, the Dice per class, and the worst image first', async () => {
    const score = await scoreSubmission({ truth: data, submission: submission(...right()), classes, size });
    const half = (2 * 32) / (32 + 64);
    expect(score.dice).toBeCloseTo((1 + 0 + half + 1) / 4, 12);
    expect(score.perClass).toEqual([(1 + half) / 2, 0.5]);
    expect(score.perImage.map((image) => image.imageName)).toEqual(['b.png', 'c.png']);
  });

  it('scores against a folder of annotations without images at the given size', async () => {
    const bare = join(folder, 'bare');
    annotation(join(bare, 'outputs_json/ID002/b.json'), SQUARE, HALF);
    const rows = submission(`b.png,Ulna,${rle(HALF)}`, `b.png,Radius,${rle(SQUARE)}`);
    expect((await scoreSubmission({ truth: bare, submission: rows, classes, size })).dice).toBe(1);
  });

  it('excludes and names a class that no annotation has, whatever the submission says about it', async () => {
    const bare = join(folder, 'no-ulna');
    annotation(join(bare, 'outputs_json/ID002/b.json'), SQUARE, []);
    for (const ulna of ['', rle(HALF)]) {
      const rows = submission(`b.png,Ulna,${ulna}`, `b.png,Radius,${rle(SQUARE)}`);
      const score = await scoreSubmission({ truth: bare, submission: rows, classes, size });
      expect(score).toMatchObject({ dice: 1, perClass: [1], classes: ['Radius'], missingClasses: ['Ulna'] });
    }
    const none = scoreSubmission({ truth: bare, submission: submission(`b.png,Ulna,`), classes: ['Ulna'], size });
    await expect(none).rejects.toMatchObject({ code: 'annotation-invalid' });
  });

  it('does not assume a size: it asks for one, and compares it with the outlines', async () => {
    const bare = join(folder, 'sizes');
    annotation(join(bare, 'outputs_json/ID002/b.json'), SQUARE, HALF);
    const scoreAt = (side: number | undefined): ReturnType<typeof scoreSubmission> => {
      const [width, height] = [side ?? 20, side ?? 20];
      const rows = submission(`b.png,Ulna,${rle(HALF, width, height)}`, `b.png,Radius,${rle(SQUARE, width, height)}`);
      return scoreSubmission({ truth: bare, submission: rows, classes, size: side === undefined ? undefined : { width, height } });
    };
    await expect(scoreAt(undefined)).rejects.toMatchObject({
      code: 'usage-invalid',
      where: '--size',
      fix: expect.stringContaining('the outlines reach to x 9 and y 9'),
    });
    await expect(scoreAt(9)).rejects.toMatchObject({ code: 'usage-invalid', message: expect.stringContaining('beyond an image of 9 × 9') });
    expect((await scoreAt(12)).warnings).toEqual([]);
    expect((await scoreAt(80)).warnings).toEqual([expect.stringMatching(/reach to x 9 and y 9 only.*80 × 80 pixels are unlikely/)]);
  });

  it.each<[string, string]>([
    ['a data set with only a training half', ''],
    ['its training half', 'train'],
    ['its folder of annotations', 'train/outputs_json'],
    ['a folder of people elsewhere', 'people'],
  ])('accepts %s as truth', async (_, place) => {
    const set = join(folder, 'with-train');
    for (const half of ['train/outputs_json', 'people']) annotation(join(set, half, 'ID002/b.json'), SQUARE, HALF);
    await image(join(set, 'train/DCM/ID002/b.png'), 20, 20);
    writeFileSync(join(set, 'people/notes.json'), '{"note": 1}');
    const rows = submission(`b.png,Ulna,${rle(HALF)}`, `b.png,Radius,${rle(SQUARE)}`);
    // Elsewhere, there is no image that tells the size.
    const known = place === 'people' ? size : undefined;
    expect((await scoreSubmission({ truth: join(set, place), submission: rows, classes, size: known })).dice).toBe(1);
  });

  it("scores only one person's images if the truth is the folder of that person", async () => {
    const set = join(folder, 'one-person');
    for (const name of ['ID002/b', 'ID003/c']) {
      annotation(join(set, `train/outputs_json/${name}.json`), SQUARE, HALF);
      await image(join(set, `train/DCM/${name}.jpg`), 20, 20);
    }
    const rows = submission(
      ...['b', 'c'].flatMap((name) => [`${name}.jpg,Ulna,${rle(HALF)}`, `${name}.jpg,Radius,${name === 'b' ? rle(SQUARE) : ''}`]),
    );
    const score = await scoreSubmission({ truth: join(set, 'train/outputs_json/ID002'), submission: rows, classes });
    expect(score).toMatchObject({ dice: 1, images: 1, warnings: ['2 rows of images without annotation in this folder are not scored'] });
  });

  it('joins names that are composed in one place and decomposed in the other', async () => {
    const set = join(folder, 'names');
    annotation(join(set, 'truth/outputs_json/ID002', '손.json'.normalize('NFD')), SQUARE, HALF);
    await image(join(set, 'test/DCM/ID002', '손.png'.normalize('NFC')), 20, 20);
    for (const form of ['NFC', 'NFD'] as const) {
      const name = '손.png'.normalize(form);
      const rows = submission(`${name},Radius,${rle(SQUARE)}`, `${name},Ulna,${rle(HALF)}`);
      expect((await scoreSubmission({ truth: set, submission: rows, classes })).dice).toBe(1);
      expect((await checkSubmission(rows, set, classes)).problems).toEqual([]);
    }
  });

  it.each<[string, (rows: string[]) => string[], string]>([
    ['missing rows', (rows) => rows.slice(1), '1 of 4 rows are missing: b, Radius'],
    ['repeated rows', (rows) => [...rows, rows[0] ?? ''], 'b.png, Radius already has a row on line 2'],
    ['an image without truth', (rows) => [...rows, 'd.png,Radius,'], 'the truth has no annotation for d.png'],
  ])('rejects %s', async (_, change, message) => {
    const work = scoreSubmission({ truth: data, submission: submission(...change(right())), classes, size });
    await expect(work).rejects.toMatchObject({ code: 'submission-invalid', message });
  });

  it('rejects a folder without annotations', async () => {
    const work = scoreSubmission({ truth: join(data, 'train'), submission: submission(...right()), classes, size });
    await expect(work).rejects.toMatchObject({ code: 'dataset-missing' });
  });
});
