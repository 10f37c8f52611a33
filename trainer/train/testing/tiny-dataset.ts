import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExperimentManifest, experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { randomFor } from '@carpal/masks/random.ts';
import sharp from 'sharp';

const SIDE = 64;
const LABELS = ['finger-1', 'Radius', 'Pisiform'];

/** Writes a data set in the real layout with two images per person: bright rectangles on a dark background, 64 × 64, three classes. */
export async function writeTinyDataset(folder: string, people: number): Promise<void> {
  for (let person = 1; person <= people; person++) {
    const group = `ID${String(person).padStart(3, '0')}`;
    const images = join(folder, 'train', 'DCM', group);
    const annotations = join(folder, 'train', 'outputs_json', group);
    await mkdir(images, { recursive: true });
    await mkdir(annotations, { recursive: true });
    for (const side of ['R', 'L'])
      await writeTinyImage(join(images, `image${person}_${side}.png`), join(annotations, `image${person}_${side}.json`));
  }
}

async function writeTinyImage(imagePath: string, annotationPath: string): Promise<void> {
  const random = randomFor(1, imagePath.slice(-8));
  const grey = Buffer.alloc(SIDE * SIDE, 20);
  const bones = LABELS.map((label, index) => {
    const [left, top] = [4 + index * 20 + random.integer(4), 4 + random.integer(20)];
    const [right, bottom] = [left + 12, top + 24 + random.integer(8)];
    for (let y = top; y <= bottom; y++) grey.fill(120 + 40 * index, y * SIDE + left, y * SIDE + right + 1);
    const points = [left, top, right, top, right, bottom, left, bottom];
    return { id: `${index}`, type: 'poly_seg', attributes: {}, label, points: [0, 2, 4, 6].map((at) => points.slice(at, at + 2)) };
  });
  await sharp(grey, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toFile(imagePath);
  await writeFile(annotationPath, JSON.stringify({ annotations: bones }));
}

/** An experiment on such a data set that trains in about a second. */
export function tinyExperiment(dataset: string, spec: Partial<ExperimentManifest['spec']> = {}): SegmentationExperiment {
  return experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'tiny' },
    spec: {
      dataset: { uri: dataset, split: { folds: 2 } },
      model: { name: 'SlimUNet', options: { width: 4, depth: 2 } },
      input: { size: 32 },
      loss: [
        { name: 'Dice', weight: 0.5 },
        { name: 'BCE', weight: 1 },
      ],
      training: { epochs: 6, batchSize: 2 },
      optimizer: { learningRate: 0.15 },
      // Lowers the rate at nearly every validation, so that a resume without the schedule's state would show.
      scheduler: { name: 'ReduceLROnPlateau', options: { factor: 0.8, patience: 0, threshold: 0.5 } },
      run: { folds: [0, 1] },
      ...spec,
    },
  });
}
