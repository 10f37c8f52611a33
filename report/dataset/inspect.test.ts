import { cp, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Defect } from './image-findings.ts';
import { inspectDataset } from './inspect.ts';
import { inspectionText } from './inspection-text.ts';
import {
  annotationText,
  circle,
  greyPng,
  rectangle,
  SMALL_CLASSES,
  temporaryFolder,
  writeSmallDataset,
  writeUnder,
} from './testing/small-dataset.ts';

const BASE = 'train/outputs_json/ID001';

describe('inspectDataset', () => {
  it('counts people, images, formats and grey levels, and finds no defect in a valid set', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 3, testPeople: 1 });
    const inspection = await inspectDataset(folder, SMALL_CLASSES);
    expect(inspection).toMatchObject({
      people: { train: 3, test: 1 },
      images: { train: 6, test: 2 },
      forms: [{ width: 64, height: 48, bits: 8, channels: 1, images: 8 }],
      defects: [],
    });
    // 12 × 21 pixels have the value 200, all others 20.
    const share = (12 * 21) / (64 * 48);
    expect(inspection.grey.mean).toBeCloseTo((20 + 180 * share) / 255, 6);
    expect(inspection.grey.std).toBeCloseTo((180 * Math.sqrt(share * (1 - share))) / 255, 6);
  });

  it('measures each class and each overlapping pair, including boundary pixels', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 3, testPeople: 0 });
    const { classes, overlaps } = await inspectDataset(folder, SMALL_CLASSES);
    expect(classes[0]).toEqual({ name: 'first', images: 6, mean: 252, std: 0, min: 252, max: 252 });
    // The rectangles are five pixels wide and six, seven and eight high.
    expect(classes[2]).toMatchObject({ mean: 35, min: 30, max: 40 });
    expect(classes[2]?.std).toBeCloseTo(Math.sqrt(50 / 3));
    const shared = 6 * 10;
    expect(overlaps).toHaveLength(1);
    expect(overlaps[0]).toMatchObject({ first: 'first', second: 'second', images: 6 });
    expect(overlaps[0]?.iou).toBeCloseTo(shared / (252 + 231 - shared));
    expect(overlaps[0]?.shareOfFirst).toBeCloseTo(shared / 252);
    expect(overlaps[0]?.shareOfSecond).toBeCloseTo(shared / 231);
  });

  it.each<{ fault: string; damage: (folder: string) => Promise<unknown>; defect: Omit<Defect, 'what'>; message: RegExp }>([
    {
      fault: 'an unreadable image',
      damage: async (folder) => truncate(join(folder, 'train/DCM/ID001/image1.png'), 80),
      defect: { kind: 'image-unreadable', stops: true, path: 'train/DCM/ID001/image1.png' },
      message: /damaged or truncated|cannot be decoded/,
    },
    {
      fault: 'an image without JSON',
      damage: async (folder) => rm(join(folder, BASE, 'image1.json')),
      defect: { kind: 'annotation-missing', stops: true, path: 'train/DCM/ID001/image1.png' },
      message: /no annotation/,
    },
    {
      fault: 'JSON without an image',
      damage: async (folder) => writeUnder(folder, `${BASE}/image77.json`, '{}'),
      defect: { kind: 'annotation-without-image', stops: false, path: `${BASE}/image77.json` },
      message: /no image/,
    },
    {
      fault: 'a missing class',
      damage: async (folder) =>
        writeUnder(folder, `${BASE}/image1.json`, annotationText({ first: rectangle(1, 1, 5, 5), third: circle(20, 20, 5) })),
      defect: { kind: 'class-missing', stops: false, path: `${BASE}/image1.json` },
      message: /no polygon for second/,
    },
    {
      fault: 'a repeated class',
      damage: async (folder) => {
        const text = annotationText({ first: rectangle(1, 1, 5, 5), second: rectangle(1, 1, 5, 5), third: circle(20, 20, 5) });
        await writeUnder(
          folder,
          `${BASE}/image1.json`,
          text
            .replace('"label":"second"', '"label":"first"')
            .replace('"label":"third"', '"label":"second"')
            .replace(']}]', ']},{"label":"third","points":[[1,1],[2,2],[3,1]]}]'),
        );
      },
      defect: { kind: 'annotation-invalid', stops: true, path: `${BASE}/image1.json` },
      message: /annotations\[1\] \(first\) repeats the label of annotations\[0\]/,
    },
    {
      fault: 'a polygon out of bounds',
      damage: async (folder) =>
        writeUnder(
          folder,
          `${BASE}/image1.json`,
          annotationText({ first: rectangle(60, 1, 70, 5), second: rectangle(1, 1, 5, 5), third: circle(20, 20, 5) }),
        ),
      defect: { kind: 'polygon-out-of-bounds', stops: false, path: `${BASE}/image1.json` },
      message: /first has 2 of 4 points outside the 64 × 48 image/,
    },
    {
      fault: 'a person in both halves',
      damage: async (folder) => writeUnder(folder, 'test/DCM/ID002/other.png', await greyPng(8, 8, () => 9)),
      defect: { kind: 'person-in-both-halves', stops: false, path: 'ID002' },
      message: /in both train and test/,
    },
    {
      fault: 'two images of one name',
      damage: async (folder) => cp(join(folder, 'train/DCM/ID001/image1.png'), join(folder, 'test/DCM/ID050/image1.png')),
      defect: { kind: 'image-name-doubled', stops: true, path: 'test/DCM/ID050/image1.png' },
      message: /same name/,
    },
    {
      fault: 'two images with the same pixels, whatever their files are',
      damage: async (folder) => {
        const png = await sharp(join(folder, 'train/DCM/ID001/image1.png')).png({ compressionLevel: 1 }).toBuffer();
        await writeUnder(folder, 'test/DCM/ID050/other.png', png);
      },
      defect: { kind: 'image-doubled', stops: false, path: 'test/DCM/ID050/other.png' },
      message: /same pixels as image1\.png/,
    },
    {
      fault: 'an almost black image',
      damage: async (folder) => writeUnder(folder, 'test/DCM/ID050/other.png', await greyPng(64, 48, (x) => x % 12)),
      defect: { kind: 'image-range', stops: false, path: 'test/DCM/ID050/other.png' },
      message: /almost black: 99\.5 % of its pixels are below 4\.3 % of white/,
    },
    {
      fault: 'an image of one grey',
      damage: async (folder) => writeUnder(folder, 'test/DCM/ID050/other.png', await greyPng(64, 48, () => 90)),
      defect: { kind: 'image-range', stops: false, path: 'test/DCM/ID050/other.png' },
      message: /only one grey value/,
    },
    {
      fault: 'a mixture of sizes',
      damage: async (folder) => writeUnder(folder, 'test/DCM/ID050/other.png', await greyPng(48, 64, (x) => 4 * x)),
      defect: { kind: 'image-form', stops: false, path: 'test/DCM/ID050/other.png' },
      message: /the images differ: 4 have 64 × 48 pixels, 1 48 × 64 pixels/,
    },
    {
      fault: 'a file that is not read',
      damage: async (folder) => writeUnder(folder, 'test/DCM/ID050/other.bmp', 'BM'),
      defect: { kind: 'file-ignored', stops: false, path: 'test/DCM/ID050/other.bmp' },
      message: /not read/,
    },
    {
      fault: 'outlines of an image of another size',
      damage: async (folder) =>
        writeUnder(
          folder,
          `${BASE}/image1.json`,
          annotationText({ first: rectangle(1, 1, 20, 15), second: rectangle(1, 1, 5, 5), third: circle(10, 10, 5) }),
        ),
      defect: { kind: 'annotation-scale', stops: false, path: `${BASE}/image1.json` },
      message: /no outline goes beyond x 20 and y 15 of the 64 × 48 image/,
    },
    {
      fault: 'a table without the height of somebody',
      damage: async (folder) => writeUnder(folder, 'meta_data.csv', 'ID,sex,height\n1,F,160\n2,M,\n'),
      defect: { kind: 'table-incomplete', stops: false, path: 'meta_data.csv' },
      message: /sex or height of ID002 is missing/,
    },
    {
      fault: 'a table that cannot be read',
      damage: async (folder) => writeUnder(folder, 'meta_data.xlsx', 'text'),
      defect: { kind: 'table-unreadable', stops: false, path: 'meta_data.xlsx' },
      message: /is not a table/,
    },
  ])('reports $fault with its path', async ({ damage, defect, message }) => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 2, testPeople: 0 });
    await damage(folder);
    const { defects } = await inspectDataset(folder, SMALL_CLASSES);
    const relative = defects.map((one) => ({ ...one, path: one.path.replace(`${folder}/`, '') }));
    expect(relative).toContainEqual({ ...defect, what: expect.stringMatching(message) });
    if (!defect.stops) expect(relative.filter(({ stops }) => stops)).toEqual([]);
  });

  it('names a class that no annotation has once, and not with each annotation', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 2, testPeople: 0 });
    const { absentClasses, defects } = await inspectDataset(folder, [...SMALL_CLASSES, 'Ulna']);
    expect(absentClasses).toEqual(['Ulna']);
    expect(defects).toMatchObject([{ kind: 'class-absent', stops: false, what: expect.stringContaining('no annotation has Ulna') }]);
  });

  it('lists the odd ones among many images of one range, and shows the range in use', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 0, testPeople: 0 });
    for (let i = 0; i < 10; i++) {
      const white = i === 7 ? 65_535 : 4000;
      const pixels = Uint16Array.from({ length: 64 * 48 }, (_, at) => (at % 50) * Math.floor(white / 49) + i);
      const png = await sharp(pixels, { raw: { width: 64, height: 48, channels: 1 } })
        .toColourspace('grey16')
        .png()
        .toBuffer();
      await writeUnder(folder, `train/DCM/ID001/image${i}.png`, png);
      await writeUnder(folder, `train/outputs_json/ID001/image${i}.json`, annotationText({ first: rectangle(1, 1, 60, 40) }));
    }
    const inspection = await inspectDataset(folder, ['first']);
    expect(inspection.defects).toMatchObject([
      {
        kind: 'image-range',
        path: join(folder, 'train/DCM/ID001/image7.png'),
        what: expect.stringContaining('a range from 0 to 65535, but 9'),
      },
    ]);
    expect(inspectionText(inspection)).toContain('64 × 48, 16 bit, values to 4095, 1 channel: 9 images');
  });

  it('continues after a defect and lists all of them', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 3, testPeople: 1 });
    await truncate(join(folder, 'train/DCM/ID001/image1.png'), 80);
    await truncate(join(folder, 'test/DCM/ID004/image4.png'), 80);
    await writeUnder(folder, 'train/outputs_json/ID003/image3.json', '{');
    const { defects, classes } = await inspectDataset(folder, SMALL_CLASSES);
    expect(defects.map(({ kind }) => kind)).toEqual(['image-unreadable', 'annotation-invalid', 'image-unreadable']);
    expect(classes[0]?.images).toBe(4);
  });
});

describe('inspectionText', () => {
  it('prints counts, tables and defects as text', async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 1, testPeople: 1 });
    await rm(join(folder, BASE, 'image1.json'));
    const text = inspectionText(await inspectDataset(folder, SMALL_CLASSES)).replaceAll(folder, 'D');
    expect(text).toMatchInlineSnapshot(`
      "D
        train   2 images of 1 person
        test    2 images of 1 person
        format  64 × 48, 8 bit, 1 channel: 4 images
        grey    mean 0.136, std 0.194 (of 1); mean 34.8 of 255

        class   images  mean area  std  min  max
        first        1        252    0  252  252
        second       1        231    0  231  231
        third        1         30    0   30   30

        overlap         images  mean IoU  of first  of second
        first – second       1     0.142    23.8 %     26.0 %

      1 defect, 1 of which stops training:
        stops  annotation-missing: the image has no annotation (D/train/DCM/ID001/image1.png)
      "
    `);
  });
});
