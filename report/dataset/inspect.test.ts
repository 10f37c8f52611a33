import { cp, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Defect, inspectDataset } from './inspect.ts';
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
  ])('reports $fault with its path', async ({ damage, defect, message }) => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 2, testPeople: 0 });
    await damage(folder);
    const { defects } = await inspectDataset(folder, SMALL_CLASSES);
    const relative = defects.map((one) => ({ ...one, path: one.path.replace(`${folder}/`, '') }));
    expect(relative).toContainEqual({ ...defect, what: expect.stringMatching(message) });
    if (!defect.stops) expect(relative.filter(({ stops }) => stops)).toEqual([]);
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
