import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { BinReader } from '../infer/bin-reader.ts';
import type { ClassParts } from '../infer/class-parts.ts';
import type { ClassScore, TriedThresholds } from '../infer/tried-thresholds.ts';

/** The scores of some classes of an image against its annotation, in class order. Throws the errors of the set's readPolygons. */
export async function scoreParts(
  prepared: Pick<PreparedSet, 'readPolygons'>,
  sample: PreparedSample,
  parts: ClassParts,
  tried: TriedThresholds,
): Promise<ClassScore[]> {
  const { width, height } = sample;
  const polygons = (await prepared.readPolygons(sample)).slice(parts.firstClass, parts.firstClass + parts.classes);
  const reader = new BinReader(parts, width, height, tried.bins);
  return polygons.map((polygon) => tried.score(reader.next(), fillPolygon(polygon, width, height)));
}
