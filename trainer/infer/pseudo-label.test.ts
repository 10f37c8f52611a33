import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { area, dice } from '@carpal/masks/measure.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { parseRle } from '@carpal/masks/rle-text.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { greyPng, temporaryFolder } from '@carpal/report/dataset/testing/small-dataset.ts';
import { submissionRows } from '@carpal/report/scoring/testing/submission-rows.ts';
import { describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { predict } from './predict.ts';
import { pseudoLabel } from './pseudo-label.ts';

const classes = ['Radius', 'Ulna'];
const viewing = { views: ['identity'], degrees: 10, scale: 0.25 } as const;

/** A weights file of a small network whose masks depend on the image. */
function weightsFile(folder: string, name: string, seed: number): { path: string; weight: number } {
  const options = { width: 4, depth: 2 };
  const model = buildModel({ name: 'SlimUNet', options, classes: classes.length, seed: 1 });
  const arrays = readWeights(model);
  model.dispose();
  const random = randomFor(seed, 'weights');
  for (const [key, { data }] of arrays) {
    if (key.includes('moving')) continue;
    for (let i = 0; i < data.length; i++) data[i] = (key === 'model/head/bias' ? 0 : (data[i] as number)) + random.range(-0.8, 0.8);
  }
  const metadata = { model: 'SlimUNet', options: JSON.stringify(options), classes: JSON.stringify(classes), inputSize: '32' };
  const path = join(folder, name);
  writeFileSync(path, encodeSafetensors(arrays, metadata));
  return { path, weight: 1 };
}

async function setUp() {
  const folder = await temporaryFolder();
  const images = join(folder, 'new', 'test', 'DCM', 'ID301');
  mkdirSync(images, { recursive: true });
  for (const name of ['a.png', 'b.png']) {
    const random = randomFor(1, name);
    writeFileSync(
      join(images, name),
      await greyPng(48, 48, (x, y) => ((x - 24) ** 2 + (y - 24) ** 2 < 200 ? 220 : 20) + random.integer(10)),
    );
  }
  return { folder, images: join(folder, 'new'), out: join(folder, 'labelled') };
}

describe('pseudoLabel', () => {
  it('writes a data set in which each polygon is the largest part of the mask that predict gives', async () => {
    const { folder, images, out } = await setUp();
    const weights = weightsFile(folder, 'one.safetensors', 11);
    const request = { weights: [weights, weights], images, viewing };
    const found = await pseudoLabel({ ...request, out, agreement: 0.99, thresholds: 0.5 });
    expect(found.map(({ imageName, isKept, agreement }) => [imageName, isKept, agreement])).toEqual([
      ['a.png', true, 1],
      ['b.png', true, 1],
    ]);
    const { train, orphanAnnotations } = await discoverDataset(out);
    expect(train.map(({ imageName, group }) => [imageName, group])).toEqual([
      ['a.png', 'ID301'],
      ['b.png', 'ID301'],
    ]);
    expect(orphanAnnotations).toEqual([]);

    const submission = join(folder, 'masks.csv');
    const thresholds = join(folder, 'thresholds.json');
    writeFileSync(
      thresholds,
      JSON.stringify(Object.fromEntries(classes.map((name) => [name, { threshold: 0.5, cleaning: 'largest+fill' }]))),
    );
    await predict({ ...request, method: 'hard', out: submission, thresholds });
    const rows = await submissionRows(submission);
    for (const { imageName, annotationPath } of train) {
      const polygons = await readAnnotation(annotationPath ?? '', classes, { strict: true });
      for (const [index, polygon] of polygons.entries()) {
        const mask = fillPolygon(polygon, 48, 48);
        const [, , rle = ''] = rows.find(([image, name]) => image === imageName && name === classes[index]) ?? [];
        expect(area(mask)).toBeGreaterThan(0);
        expect(dice(mask, parseRle(rle, 48, 48))).toBe(1);
      }
    }
  });

  it('leaves out an image on which the networks disagree, and names the weakest class', async () => {
    const { folder, images, out } = await setUp();
    const weights = [weightsFile(folder, 'one.safetensors', 11), weightsFile(folder, 'two.safetensors', 6)];
    const found = await pseudoLabel({ weights, images, out, viewing, agreement: 0.99, thresholds: 0.5 });
    expect(found.map(({ isKept }) => isKept)).toEqual([false, false]);
    for (const { agreement, weakestClass } of found) {
      expect(agreement).toBeLessThan(0.99);
      expect(classes).toContain(weakestClass);
    }
    await expect(discoverDataset(out)).rejects.toMatchObject({ code: 'dataset-missing' });
  });

  it('refuses a single network', async () => {
    const { folder, images, out } = await setUp();
    const request = { weights: [weightsFile(folder, 'one.safetensors', 11)], images, out, viewing, agreement: 0.9, thresholds: 0.5 };
    await expect(pseudoLabel(request)).rejects.toMatchObject({ code: 'usage-invalid', where: '--weights' });
  });
});
