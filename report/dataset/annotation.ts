import { readFile } from 'node:fs/promises';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';

/** A coordinate beyond this is a corrupt number, not a place on a radiograph. */
const FARTHEST_COORDINATE = 1_000_000;

/** A problem that makes an annotation unusable. `place` is its path inside the file. */
type AnnotationFault = { readonly place: string; readonly what: string };

export type ReadAnnotation = {
  /** One per class, in class order; a class without annotation has an empty polygon. */
  readonly polygons: readonly Polygon[];
  readonly faults: readonly AnnotationFault[];
  readonly missingClasses: readonly string[];
};

/**
 * Parses the polygons of an annotation. Never throws: every problem is listed in `faults`. Points may be nested once more (a list with one
 * ring). The metadata's height and width are ignored: they give the size of the original exposure, while points are in pixels of the PNG.
 */
export function parseAnnotation(text: string, classes: readonly string[]): ReadAnnotation {
  const empty = classes.map((): Polygon => new Float64Array(0));
  const unusable = (what: string, place = 'the whole file'): ReadAnnotation => ({
    polygons: empty,
    faults: [{ place, what }],
    missingClasses: [],
  });
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const literal = /[[,:]\s*(-?(?:NaN|Infinity))\s*[\],}]/.exec(text);
    if (literal) return unusable(`holds ${literal[1]}, which is not valid JSON`, `line ${lineOf(text, literal.index)}`);
    return unusable(`is not JSON: ${messageOf(error)}`);
  }
  const annotations = field(content, 'annotations');
  if (!Array.isArray(annotations)) return unusable('has no list "annotations"');

  const polygons: Polygon[] = [...empty];
  const faults: AnnotationFault[] = [];
  const seen = new Map<string, number>();
  for (const [index, annotation] of annotations.entries()) {
    const label = field(annotation, 'label');
    const place = `annotations[${index}]${typeof label === 'string' ? ` (${label})` : ''}`;
    const what = readOne(annotation, index, { classes, polygons, seen });
    if (what !== undefined) faults.push({ place, what });
  }
  return { polygons, faults, missingClasses: classes.filter((name) => !seen.has(name)) };
}

type Reading = { readonly classes: readonly string[]; readonly polygons: Polygon[]; readonly seen: Map<string, number> };

/** Stores the polygon of one annotation. Returns the problem if it has one. */
function readOne(annotation: unknown, index: number, { classes, polygons, seen }: Reading): string | undefined {
  const label = field(annotation, 'label');
  if (typeof label !== 'string') return 'has no label';
  const classIndex = classes.indexOf(label);
  if (classIndex < 0) return `has the unknown label "${label}"`;
  const earlier = seen.get(label);
  if (earlier !== undefined) return `repeats the label of annotations[${earlier}]`;
  seen.set(label, index);
  const outline = readPoints(field(annotation, 'points'));
  if (typeof outline === 'string') return outline;
  polygons[classIndex] = outline;
  return undefined;
}

/**
 * Reads the polygons of an annotation file in class order, in pixels of the radiograph. A missing class has an empty polygon. Throws
 * `annotation-missing` if the file does not exist, and `annotation-invalid` with the first problem or, if `strict`, with the missing
 * classes.
 */
export async function readAnnotation(
  path: string,
  classes: readonly string[],
  options: { strict?: boolean } = {},
): Promise<readonly Polygon[]> {
  const { polygons, faults, missingClasses } = parseAnnotation(await readAnnotationText(path), classes);
  const [first] = faults;
  if (first) {
    const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
    throw new CarpalError('annotation-invalid', `${first.place} ${first.what}${more}`, { where: path });
  }
  if (options.strict && missingClasses.length > 0) {
    throw new CarpalError('annotation-invalid', `no polygon for ${missingClasses.join(', ')}`, { where: path });
  }
  return polygons;
}

/** Reads the text of an annotation file. Throws `annotation-missing` or `annotation-invalid`. */
export async function readAnnotationText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new CarpalError(
      missing ? 'annotation-missing' : 'annotation-invalid',
      missing ? 'there is no such annotation' : 'the annotation cannot be read',
      {
        where: path,
        cause,
      },
    );
  });
}

/** The outline as [x0, y0, x1, y1, …], or the problem with the points. */
function readPoints(points: unknown): Polygon | string {
  if (!Array.isArray(points)) return 'has no list "points"';
  let ring: unknown[] = points;
  const isNested = Array.isArray(points[0]) && Array.isArray(points[0][0]);
  if (isNested) {
    if (points.length > 1) return `has ${points.length} rings; a bone has one`;
    ring = points[0];
  }
  if (ring.length < 3) return `has ${ring.length} ${ring.length === 1 ? 'point' : 'points'}; a polygon needs three`;
  const outline = new Float64Array(ring.length * 2);
  for (let i = 0; i < ring.length; i++) {
    const point = ring[i];
    const [x, y]: unknown[] = Array.isArray(point) && point.length === 2 ? point : [];
    if (!isCoordinate(x) || !isCoordinate(y)) return `has ${JSON.stringify(point)} at points[${i}] instead of two finite numbers`;
    outline[2 * i] = x;
    outline[2 * i + 1] = y;
  }
  return outline;
}

function isCoordinate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= FARTHEST_COORDINATE;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** The area inside a polygon in square pixels (shoelace formula), for either direction of the outline. */
export function polygonArea(polygon: Polygon): number {
  const n = polygon.length;
  let twice = 0;
  for (let i = 0; i < n; i += 2) {
    const j = (i + 2) % n;
    twice += (polygon[i] as number) * (polygon[j + 1] as number) - (polygon[j] as number) * (polygon[i + 1] as number);
  }
  return Math.abs(twice) / 2;
}
