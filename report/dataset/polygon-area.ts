import type { Polygon } from '@carpal/masks/polygon.ts';

/** The area within a polygon's outline in square pixels (the shoelace formula), whatever way round it runs. */
export function polygonArea(polygon: Polygon): number {
  const n = polygon.length;
  let twice = 0;
  for (let i = 0; i < n; i += 2) {
    const j = (i + 2) % n;
    twice += (polygon[i] as number) * (polygon[j + 1] as number) - (polygon[j] as number) * (polygon[i + 1] as number);
  }
  return Math.abs(twice) / 2;
}
