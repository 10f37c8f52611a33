import { inParallel } from '@carpal/artifacts/in-parallel.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { parseAnnotation, readAnnotationText } from './annotation.ts';
import { type BoneStatistics, gatherBones } from './bone-statistics.ts';
import { type Dataset, discoverDataset, type Sample } from './discover.ts';
import { readImageHeader, readRadiograph } from './read-radiograph.ts';

type DefectKind =
  | 'image-unreadable'
  | 'image-too-large'
  | 'image-name-doubled'
  | 'annotation-missing'
  | 'annotation-invalid'
  | 'annotation-without-image'
  | 'class-missing'
  | 'polygon-out-of-bounds'
  | 'person-in-both-halves';

/** A defect of the data set. `stops` is true if training would reject the data set because of it. */
export type Defect = { readonly kind: DefectKind; readonly stops: boolean; readonly path: string; readonly what: string };

export type Inspection = BoneStatistics & {
  readonly folder: string;
  readonly people: { readonly train: number; readonly test: number };
  readonly images: { readonly train: number; readonly test: number };
  /** The number of images of each size, bit depth and channel count, most frequent first. */
  readonly forms: readonly {
    readonly width: number;
    readonly height: number;
    readonly bits: number;
    readonly channels: number;
    readonly images: number;
  }[];
  /** Mean and standard deviation of the grey values of all pixels, in 0..1. */
  readonly grey: { readonly mean: number; readonly std: number };
  readonly defects: readonly Defect[];
};

type ImageFindings = {
  readonly form?: string;
  readonly grey?: { readonly sum: number; readonly squares: number; readonly pixels: number };
  readonly masks?: readonly RleMask[];
  readonly defects: readonly Defect[];
};

/**
 * Reads every image and annotation of a data set and reports statistics and defects. Throws only if there is no training image at all
 * (`dataset-missing`, `dataset-layout`). Defects are listed in the order of the samples.
 */
export async function inspectDataset(
  folder: string,
  classes: readonly string[],
  { workers = 6, onProgress }: { workers?: number; onProgress?: (done: number, total: number) => void } = {},
): Promise<Inspection> {
  const dataset = await discoverDataset(folder);
  const samples = [...dataset.train, ...dataset.test];
  const bones = gatherBones(classes);
  let done = 0;
  const perImage = await inParallel(samples, workers, async (sample, index): Promise<ImageFindings> => {
    const { masks, ...findings } = await inspectImage(sample, index < dataset.train.length, classes);
    // Masks are counted immediately and dropped: those of all images would not fit into memory.
    if (masks) bones.add(index, masks);
    onProgress?.(++done, samples.length);
    return findings;
  });
  const peopleOf = (half: readonly Sample[]): number => new Set(half.map(({ group }) => group)).size;
  return {
    folder,
    people: { train: peopleOf(dataset.train), test: peopleOf(dataset.test) },
    images: { train: dataset.train.length, test: dataset.test.length },
    forms: countForms(perImage),
    grey: meanGrey(perImage),
    ...bones.finish(),
    defects: [...perImage.flatMap(({ defects }) => defects), ...listingDefects(dataset)],
  };
}

async function inspectImage(sample: Sample, isTrain: boolean, classes: readonly string[]): Promise<ImageFindings> {
  const defects: Defect[] = [];
  const noteError = (error: unknown, path: string): undefined => {
    if (!(error instanceof CarpalError)) throw error;
    defects.push({ kind: error.code as DefectKind, stops: true, path, what: error.message });
  };
  const radiograph = await readRadiograph(sample.imagePath).catch((error: unknown) => noteError(error, sample.imagePath));
  let content: Partial<ImageFindings> = {};
  if (radiograph) {
    const { width, height, bits, channels } = await readImageHeader(sample.imagePath);
    content = { form: JSON.stringify({ width, height, bits, channels }), grey: sumGrey(radiograph.pixels, radiograph.white) };
  }
  if (!isTrain) return { ...content, defects };
  const path = sample.annotationPath;
  if (path === undefined) {
    defects.push({ kind: 'annotation-missing', stops: true, path: sample.imagePath, what: 'the image has no annotation' });
    return { ...content, defects };
  }
  const text = await readAnnotationText(path).catch((error: unknown) => noteError(error, path));
  if (text === undefined) return { ...content, defects };
  const { polygons, faults, missingClasses } = parseAnnotation(text, classes);
  for (const { place, what } of faults) defects.push({ kind: 'annotation-invalid', stops: true, path, what: `${place} ${what}` });
  if (missingClasses.length > 0)
    defects.push({ kind: 'class-missing', stops: false, path, what: `no polygon for ${missingClasses.join(', ')}` });
  if (!radiograph) return { ...content, defects };
  defects.push(...outsiders(polygons, classes, radiograph.width, radiograph.height, path));
  return { ...content, masks: polygons.map((polygon) => fillPolygon(polygon, radiograph.width, radiograph.height)), defects };
}

function outsiders(polygons: readonly Polygon[], classes: readonly string[], width: number, height: number, path: string): Defect[] {
  return polygons.flatMap((polygon, index): Defect[] => {
    let outside = 0;
    for (let i = 0; i < polygon.length; i += 2) {
      const x = polygon[i] as number;
      const y = polygon[i + 1] as number;
      if (x < -0.5 || y < -0.5 || x > width - 0.5 || y > height - 0.5) outside++;
    }
    if (outside === 0) return [];
    const what = `${classes[index]} has ${outside} of ${polygon.length / 2} points outside the ${width} × ${height} image; they are clipped`;
    return [{ kind: 'polygon-out-of-bounds', stops: false, path, what }];
  });
}

/** Defects that concern several files. */
function listingDefects({ train, test, orphanAnnotations }: Dataset): Defect[] {
  const defects: Defect[] = orphanAnnotations.map((path) => ({
    kind: 'annotation-without-image',
    stops: false,
    path,
    what: 'no image has this name',
  }));
  const known = new Map<string, Sample>();
  for (const sample of [...train, ...test]) {
    const earlier = known.get(sample.imageName);
    if (earlier)
      defects.push({ kind: 'image-name-doubled', stops: true, path: sample.imagePath, what: `${earlier.imagePath} has the same name` });
    else known.set(sample.imageName, sample);
  }
  const trained = new Set(train.map(({ group }) => group));
  for (const group of new Set(test.map((sample) => sample.group))) {
    if (trained.has(group))
      defects.push({
        kind: 'person-in-both-halves',
        stops: false,
        path: group,
        what: 'the person is in both train and test, so test scores are too high',
      });
  }
  return defects;
}

function sumGrey(pixels: Uint8Array | Uint16Array, white: number): { sum: number; squares: number; pixels: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] as number;
    sum += value;
    squares += value * value;
  }
  return { sum: sum / white, squares: squares / white ** 2, pixels: pixels.length };
}

function meanGrey(findings: readonly ImageFindings[]): { mean: number; std: number } {
  let [sum, squares, pixels] = [0, 0, 0];
  for (const { grey } of findings) {
    sum += grey?.sum ?? 0;
    squares += grey?.squares ?? 0;
    pixels += grey?.pixels ?? 0;
  }
  const mean = pixels === 0 ? 0 : sum / pixels;
  return { mean, std: pixels === 0 ? 0 : Math.sqrt(Math.max(0, squares / pixels - mean * mean)) };
}

function countForms(findings: readonly ImageFindings[]): Inspection['forms'] {
  const counts = new Map<string, number>();
  for (const { form } of findings) if (form !== undefined) counts.set(form, (counts.get(form) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([form, images]) => ({ ...(JSON.parse(form) as { width: number; height: number; bits: number; channels: number }), images }));
}
