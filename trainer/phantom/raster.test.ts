import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import { innerDistance } from './raster.ts';

describe('the distance to the border', () => {
  it('equals an exhaustive search over all pixels', () => {
    const [width, height] = [23, 17];
    const random = randomFor(3, 'mask');
    const mask = Uint8Array.from({ length: width * height }, () => (random.next() < 0.85 ? 1 : 0));
    const distance = innerDistance(mask, width, height);
    for (let at = 0; at < mask.length; at++) {
      let least = Infinity;
      for (let other = 0; other < mask.length; other++) {
        if (mask[other] === 1) continue;
        least = Math.min(least, Math.hypot((at % width) - (other % width), Math.floor(at / width) - Math.floor(other / width)));
      }
      expect(distance[at]).toBeCloseTo(mask[at] === 0 ? 0 : least - 0.5, 4);
    }
  });
});
