import { CarpalError } from '@carpal/configs/errors.ts';
import { fillPolygon, type Polygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation } from '../dataset/annotation.ts';
import { stemOf } from '../dataset/image-names.ts';
import { type ImageDice, type Score, scoreMasks, summarise } from './scoring.ts';
import { doubledRows, readRowMask, rowKey, SubmissionFile, type SubmissionRow } from './submission-file.ts';
import { findTruth, type ImageSize, type Truth, type TruthEntry, truthSize } from './truth-folder.ts';

export type ScoreOptions = {
  readonly truth: string;
  readonly submission: string;
  readonly classes: readonly string[];
  /** The size of images that are not available. */
  readonly size?: ImageSize | undefined;
};

export type SubmissionScore = Score & {
  /** The classes that are scored: those that some annotation has. */
  readonly classes: readonly string[];
  /** The classes that no annotation has. Without truth, an empty mask would score 1 and any other 0. */
  readonly missingClasses: readonly string[];
  /** What casts doubt on the score. */
  readonly warnings: readonly string[];
};

/**
 * Dice of a submission against annotations: overall, per class and per image. The annotations determine the required rows; a submission may
 * have more images only if the truth is the folder of one person. Throws submission-invalid with the reason if rows are missing, repeated or
 * not expected, annotation-invalid if no annotation has any class, and usage-invalid if the size of an image is unknown or too small.
 */
export async function scoreSubmission({ truth, submission, classes, size }: ScoreOptions): Promise<SubmissionScore> {
  const found = await findTruth(truth);
  const outlined = await readOutlines(found.entries, classes);
  const scored = classes.filter((_, index) => outlined.some(({ polygons }) => (polygons[index]?.length ?? 0) > 0));
  if (scored.length === 0)
    throw new CarpalError('annotation-invalid', 'no annotation has any of the classes', { where: truth, fix: 'Check --classes.' });
  const { fallback, warnings } = sizeOfMissingImages(outlined, size);
  const file = await SubmissionFile.open(submission);
  try {
    const { rows, others } = joinTruth(file, found, classes);
    const images: ImageDice[] = [];
    for (const { entry, polygons } of outlined) {
      const { width, height } = await truthSize(entry, fallback);
      const own = rows.get(entry.stem) ?? [];
      const [masks, trueMasks]: [RleMask[], RleMask[]] = [[], []];
      for (const [index, row] of own.entries()) {
        const mask = await readRowMask(file, row, width, height);
        if (!scored.includes(row.className)) continue;
        masks.push(mask);
        trueMasks.push(fillPolygon(polygons[index] ?? new Float64Array(0), width, height));
      }
      images.push({ imageName: own[0]?.imageName ?? entry.stem, perClass: scoreMasks(masks, trueMasks) });
    }
    const notScored = others === 0 ? [] : [`${others} rows of images without annotation in this folder are not scored`];
    const missingClasses = classes.filter((name) => !scored.includes(name));
    return { ...summarise(images), classes: scored, missingClasses, warnings: [...warnings, ...notScored] };
  } finally {
    await file.close();
  }
}

type Outlined = { readonly entry: TruthEntry; readonly polygons: readonly Polygon[] };

async function readOutlines(entries: readonly TruthEntry[], classes: readonly string[]): Promise<Outlined[]> {
  const outlined: Outlined[] = [];
  for (const entry of entries) outlined.push({ entry, polygons: await readAnnotation(entry.annotationPath, classes) });
  return outlined;
}

/**
 * The size of the images that are not available: the given one, after a comparison with the outlines. The annotations themselves name the
 * size of another image, the exposure. Throws usage-invalid if no size is given or outlines go beyond it.
 */
function sizeOfMissingImages(outlined: readonly Outlined[], size: ImageSize | undefined): { fallback: ImageSize; warnings: string[] } {
  const missing = outlined.filter(({ entry }) => entry.imagePath === undefined);
  if (missing.length === 0) return { fallback: { width: 1, height: 1 }, warnings: [] };
  let [right, bottom] = [0, 0];
  for (const polygon of missing.flatMap(({ polygons }) => polygons)) {
    for (let i = 0; i < polygon.length; i += 2) {
      right = Math.max(right, polygon[i] as number);
      bottom = Math.max(bottom, polygon[i + 1] as number);
    }
  }
  const reach = `the outlines reach to x ${Math.round(right)} and y ${Math.round(bottom)}`;
  if (size === undefined) {
    const what = `the size of ${missing.length} images, such as ${missing[0]?.entry.stem}, is unknown: they are not next to the annotations`;
    const fix = `Give their size in pixels, such as --size 2048; ${reach}. Or give a data set that has the images.`;
    throw new CarpalError('usage-invalid', what, { where: '--size', fix });
  }
  const { width, height } = size;
  if (right > width - 0.5 || bottom > height - 0.5) {
    const fix = 'Give the size of the images that were annotated.';
    throw new CarpalError('usage-invalid', `${reach}, beyond an image of ${width} × ${height} pixels`, { where: '--size', fix });
  }
  const isSmall = right < width / 2 && bottom < height / 2;
  const warning = `${reach} only, so images of ${width} × ${height} pixels are unlikely: check --size`;
  return { fallback: size, warnings: isSmall ? [warning] : [] };
}

type JoinedRows = {
  /** The rows of each annotated image, in class order. */
  readonly rows: ReadonlyMap<string, readonly SubmissionRow[]>;
  /** The number of rows of other images. */
  readonly others: number;
};

function joinTruth(file: SubmissionFile, { entries, isOnePerson }: Truth, classes: readonly string[]): JoinedRows {
  const invalid = (what: string, line?: number): CarpalError =>
    new CarpalError('submission-invalid', what, { where: line === undefined ? file.path : `${file.path}:${line}` });
  const [doubled] = doubledRows(file.rows);
  if (doubled) {
    const { row, first } = doubled;
    throw invalid(`${row.imageName}, ${row.className} already has a row on line ${first.line}`, row.line);
  }
  const stems = new Set(entries.map((entry) => entry.stem));
  const byKey = new Map<string, SubmissionRow>();
  let others = 0;
  for (const row of file.rows) {
    const stem = stemOf(row.imageName);
    if (!stems.has(stem) && !isOnePerson) throw invalid(`the truth has no annotation for ${row.imageName}`, row.line);
    if (!classes.includes(row.className)) throw invalid(`${row.className} is not one of the classes`, row.line);
    if (stems.has(stem)) byKey.set(rowKey({ imageName: stem, className: row.className }), row);
    else others += 1;
  }
  const lacking: string[] = [];
  const rows = new Map<string, SubmissionRow[]>();
  for (const { stem } of entries) {
    const own: SubmissionRow[] = [];
    for (const className of classes) {
      const row = byKey.get(rowKey({ imageName: stem, className }));
      if (row) own.push(row);
      else lacking.push(`${stem}, ${className}`);
    }
    rows.set(stem, own);
  }
  if (lacking.length > 0) {
    throw invalid(
      `${lacking.length} of ${entries.length * classes.length} rows are missing: ${lacking.slice(0, 3).join('; ')}${lacking.length > 3 ? '; …' : ''}`,
    );
  }
  return { rows, others };
}
