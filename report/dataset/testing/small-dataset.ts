import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';

/** Creates a folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-data-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function writeUnder(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

/** A grey PNG with one channel; `valueAt` gives each pixel. */
export async function greyPng(width: number, height: number, valueAt: (x: number, y: number) => number): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => valueAt(i % width, Math.floor(i / width)));
  return sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

export type Outlines = Readonly<Record<string, readonly (readonly [number, number])[]>>;

/** An annotation with one polygon per label. Its metadata gives another size, as in the real files. */
export function annotationText(outlines: Outlines): string {
  const annotations = Object.entries(outlines).map(([label, points]) => ({
    id: `x-${label}`,
    type: 'poly_seg',
    attributes: {},
    points,
    label,
  }));
  return JSON.stringify({ annotations, attributes: {}, metadata: { width: 3060, height: 3060 } });
}

/** The corners of a rectangle of pixels from (left, top) to (right, bottom), inclusive. */
export function rectangle(left: number, top: number, right: number, bottom: number): (readonly [number, number])[] {
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

/** A circle as a closed outline of 48 points. */
export function circle(x: number, y: number, radius: number): (readonly [number, number])[] {
  return Array.from({ length: 48 }, (_, i) => {
    const angle = (i / 48) * 2 * Math.PI;
    return [Math.round(x + radius * Math.cos(angle)), Math.round(y + radius * Math.sin(angle))] as const;
  });
}

export const SMALL_CLASSES = ['first', 'second', 'third'] as const;

/** Writes `people` with two 64 × 48 training images each, then `testPeople` with two test images each. */
export async function writeSmallDataset(folder: string, { people = 3, testPeople = 1 } = {}): Promise<void> {
  for (let person = 1; person <= people + testPeople; person++) {
    const group = `ID${String(person).padStart(3, '0')}`;
    const half = person <= people ? 'train' : 'test';
    for (const side of ['R', 'L']) {
      const name = `image${person}${side === 'R' ? '_R' : ''}`;
      const left = 10 + person * 2 + (side === 'R' ? 0 : 5);
      await writeUnder(
        folder,
        `${half}/DCM/${group}/${name}.png`,
        await greyPng(64, 48, (x, y) => (x >= left && x < left + 12 && y > 8 && y < 30 ? 200 : 20)),
      );
      if (half === 'test') continue;
      const outlines = {
        first: rectangle(left, 9, left + 11, 29),
        second: rectangle(left + 6, 20, left + 16, 40),
        third: rectangle(2, 2, 6, 6 + person),
      };
      await writeUnder(folder, `train/outputs_json/${group}/${name}.json`, annotationText(outlines));
    }
  }
}
