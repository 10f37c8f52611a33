import { basename } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import type { Dataset, Sample } from './discover.ts';
import type { Defect, ImageFindings, ImageForm } from './image-findings.ts';
import { lackingPeople, readPersonTable } from './person-table.ts';

/** An image whose pixels, but for half a percent, stay below this share of white is almost black to a network. */
const DARK = 0.1;
/** If at least this share of the images has one form, the others are listed; otherwise only their number is. */
const USUAL = 0.9;
/** How many names a message lists. */
const NAMED = 5;

/** Points of outlines outside the image, and outlines that seem to belong to a smaller image. */
export function outlineDefects(
  polygons: readonly Polygon[],
  classes: readonly string[],
  { width, height }: { readonly width: number; readonly height: number },
  path: string,
): Defect[] {
  const defects: Defect[] = [];
  let [right, bottom] = [0, 0];
  for (const [index, polygon] of polygons.entries()) {
    let outside = 0;
    for (let i = 0; i < polygon.length; i += 2) {
      const x = polygon[i] as number;
      const y = polygon[i + 1] as number;
      if (x < -0.5 || y < -0.5 || x > width - 0.5 || y > height - 0.5) outside++;
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
    if (outside === 0) continue;
    const what = `${classes[index]} has ${outside} of ${polygon.length / 2} points outside the ${width} × ${height} image; they are clipped`;
    defects.push({ kind: 'polygon-out-of-bounds', stops: false, path, what });
  }
  const isOutlined = polygons.some((polygon) => polygon.length > 0);
  if (isOutlined && right < width / 2 && bottom < height / 2) {
    const what = `no outline goes beyond x ${Math.round(right)} and y ${Math.round(bottom)} of the ${width} × ${height} image: was another size annotated?`;
    defects.push({ kind: 'annotation-scale', stops: false, path, what });
  }
  return defects;
}

/** Images that differ from most others, are almost black or of one grey, or have the pixels of another image. */
export function formDefects(findings: readonly ImageFindings[]): Defect[] {
  const read = findings.flatMap(({ path, form, grey, pixels }) =>
    form && grey && pixels !== undefined ? [{ path, form, grey, pixels }] : [],
  );
  const sizeOf = ({ form }: { readonly form: ImageForm }): string => `${form.width} × ${form.height} pixels`;
  const rangeOf = ({ form }: { readonly form: ImageForm }): string => `a range from 0 to ${form.white}`;
  const known = new Map<string, string>();
  const single = read.flatMap(({ path, grey, pixels, form }): Defect[] => {
    const earlier = known.get(pixels);
    known.set(pixels, earlier ?? path);
    const defects: Defect[] = [];
    if (earlier !== undefined)
      defects.push({ kind: 'image-doubled', stops: false, path, what: `has the same pixels as ${basename(earlier)} (${earlier})` });
    // A range is never empty, so that of one grey value is one value wide.
    const what =
      grey.bright - grey.dark <= 1 / form.white
        ? 'has only one grey value'
        : `is almost black: 99.5 % of its pixels are below ${(100 * grey.bright).toFixed(1)} % of white; consider input.normalize: percentile`;
    if (grey.bright < DARK || grey.bright - grey.dark <= 1 / form.white) defects.push({ kind: 'image-range', stops: false, path, what });
    return defects;
  });
  return [...single, ...unusual(read, 'image-form', sizeOf), ...unusual(read, 'image-range', rangeOf)];
}

/** What differs from the most frequent text, one by one or, if there are many, as one defect. */
function unusual<Image extends { readonly path: string }>(
  images: readonly Image[],
  kind: 'image-form' | 'image-range',
  textOf: (image: Image) => string,
): Defect[] {
  const counts = new Map<string, number>();
  for (const image of images) counts.set(textOf(image), (counts.get(textOf(image)) ?? 0) + 1);
  const [usual, ...others] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (!usual || others.length === 0) return [];
  const [most, count] = usual;
  const odd = images.filter((image) => textOf(image) !== most);
  if (count >= USUAL * images.length)
    return odd.map((image) => ({ kind, stops: false, path: image.path, what: `has ${textOf(image)}, but ${count} images have ${most}` }));
  const what = `the images differ: ${count} have ${most}, ${others
    .slice(0, NAMED)
    .map(([text, number]) => `${number} ${text}`)
    .join(', ')}${others.length > NAMED ? ', …' : ''}`;
  return [{ kind, stops: false, path: odd[0]?.path ?? '', what }];
}

/** Defects that concern several files. */
export function listingDefects({ train, test, orphanAnnotations, ignoredFiles }: Dataset): Defect[] {
  const defects: Defect[] = [
    ...orphanAnnotations.map((path): Defect => ({ kind: 'annotation-without-image', stops: false, path, what: 'no image has this name' })),
    ...ignoredFiles.map((path): Defect => ({ kind: 'file-ignored', stops: false, path, what: 'the file is not read' })),
  ];
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

/** What keeps a table of people, if there is one, from balancing folds. */
export async function tableDefects({ folder, train }: Dataset): Promise<Defect[]> {
  try {
    const table = await readPersonTable(folder);
    if (!table) return [];
    const { path, missingColumns } = table;
    const incomplete = (what: string): Defect[] => [
      { kind: 'table-incomplete', stops: false, path, what: `${what}; the split stratifiedGroup needs both for everyone` },
    ];
    if (missingColumns.length > 0) return incomplete(`the table has no column for ${missingColumns.join(' and ')}`);
    const lacking = lackingPeople(table, train);
    if (lacking.length === 0) return [];
    return incomplete(`sex or height of ${lacking.slice(0, NAMED).join(', ')}${lacking.length > NAMED ? ', …' : ''} is missing`);
  } catch (error) {
    if (!(error instanceof CarpalError) || error.code !== 'table-unreadable') throw error;
    return [{ kind: 'table-unreadable', stops: false, path: error.where ?? folder, what: error.message }];
  }
}
