import { createHash } from 'node:crypto';
import { inParallel } from '@carpal/artifacts/in-parallel.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { parseAnnotation, readAnnotationText } from './annotation.ts';
import { type BoneStatistics, gatherBones } from './bone-statistics.ts';
import { discoverDataset, type Sample } from './discover.ts';
import { formDefects, listingDefects, outlineDefects, tableDefects } from './find-defects.ts';
import { type Defect, greyFacts, type ImageFindings, type ImageForm } from './image-findings.ts';
import { readImageHeader, readRadiograph } from './read-radiograph.ts';

export type Inspection = BoneStatistics & {
  readonly folder: string;
  readonly people: { readonly train: number; readonly test: number };
  readonly images: { readonly train: number; readonly test: number };
  /** The number of images of each form, most frequent first. */
  readonly forms: readonly (ImageForm & { readonly images: number })[];
  /** Mean and standard deviation of the grey values of all pixels, in 0..1. */
  readonly grey: { readonly mean: number; readonly std: number };
  /** The classes that no annotation has, although some annotation could be read. They are not scored. */
  readonly absentClasses: readonly string[];
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
  const annotations = perImage.flatMap(({ annotation }) => annotation ?? []);
  const absentClasses =
    annotations.length === 0 ? [] : classes.filter((name) => annotations.every((one) => one.missingClasses.includes(name)));
  const peopleOf = (half: readonly Sample[]): number => new Set(half.map(({ group }) => group)).size;
  return {
    folder,
    people: { train: peopleOf(dataset.train), test: peopleOf(dataset.test) },
    images: { train: dataset.train.length, test: dataset.test.length },
    forms: countForms(perImage),
    grey: meanGrey(perImage),
    ...bones.finish(),
    absentClasses,
    defects: [
      ...perImage.flatMap(({ defects }) => defects),
      ...missingDefects(annotations, absentClasses, folder),
      ...formDefects(perImage),
      ...listingDefects(dataset),
      ...(await tableDefects(dataset)),
    ],
  };
}

async function inspectImage(sample: Sample, isTrain: boolean, classes: readonly string[]): Promise<ImageFindings> {
  const defects: Defect[] = [];
  const noteError = (error: unknown, path: string): undefined => {
    if (!(error instanceof CarpalError)) throw error;
    defects.push({ kind: error.code as Defect['kind'], stops: true, path, what: error.message });
  };
  const radiograph = await readRadiograph(sample.imagePath).catch((error: unknown) => noteError(error, sample.imagePath));
  let content: Omit<ImageFindings, 'defects'> = { path: sample.imagePath };
  if (radiograph) {
    const { width, height, pixels, white } = radiograph;
    const form = { ...(await readImageHeader(sample.imagePath)), white };
    const hash = createHash('sha256').update(`${width} × ${height}`).update(pixels).digest('hex');
    content = { ...content, form, grey: greyFacts(pixels, white), pixels: hash };
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
  if (polygons.some((polygon) => polygon.length > 0)) content = { ...content, annotation: { path, missingClasses } };
  if (!radiograph) return { ...content, defects };
  defects.push(...outlineDefects(polygons, classes, radiograph, path));
  return { ...content, masks: polygons.map((polygon) => fillPolygon(polygon, radiograph.width, radiograph.height)), defects };
}

/** Classes that single annotations do not have, and those that none has, which are one defect. */
function missingDefects(
  annotations: readonly NonNullable<ImageFindings['annotation']>[],
  absent: readonly string[],
  folder: string,
): Defect[] {
  const single = annotations.flatMap(({ path, missingClasses }): Defect[] => {
    const names = missingClasses.filter((name) => !absent.includes(name));
    return names.length === 0 ? [] : [{ kind: 'class-missing', stops: false, path, what: `no polygon for ${names.join(', ')}` }];
  });
  if (absent.length === 0) return single;
  const what = `no annotation has ${absent.join(', ')}: networks learn to leave out such a class, and it is not scored`;
  return [...single, { kind: 'class-absent', stops: false, path: folder, what }];
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
  for (const { form } of findings) if (form) counts.set(JSON.stringify(form), (counts.get(JSON.stringify(form)) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([form, images]) => ({ ...(JSON.parse(form) as ImageForm), images }));
}
