import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { components, largestComponent } from './components.ts';
import { area } from './measure.ts';
import { emptyRuns, maskFromRuns, type Runs } from './runs.ts';
import { arbitraryRuns, drawing, drawn } from './testing/arbitrary-masks.ts';

/** The pixels beside this one, on the sheet. */
function neighbours(pixel: number, { width, height }: Runs, connectivity: 4 | 8): number[] {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  return [-1, 0, 1]
    .flatMap((v) => [-1, 0, 1].map((u) => [u, v] as const))
    .filter(([u, v]) => (connectivity === 8 || u === 0 || v === 0) && x + u >= 0 && x + u < width && y + v >= 0 && y + v < height)
    .map(([u, v]) => pixel + v * width + u);
}

/** The parts by flooding a bitmap, each as the text of its pixel numbers. */
function flooded(runs: Runs, connectivity: 4 | 8): string[] {
  const mask = maskFromRuns(runs);
  const parts: string[] = [];
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0) continue;
    const part = new Set([seed]);
    // A set hands out what is added while it is gone through.
    for (const pixel of part) for (const next of neighbours(pixel, runs, connectivity)) if (mask[next] === 1) part.add(next);
    for (const pixel of part) mask[pixel] = 0;
    parts.push([...part].sort((a, b) => a - b).join());
  }
  return parts;
}

const pixelsOf = (runs: Runs): string => [...maskFromRuns(runs)].flatMap((value, pixel) => (value ? [pixel] : [])).join();

describe('components', () => {
  it.each([4, 8] as const)('are what flooding finds with %d neighbours, in the order of their first pixels', (connectivity) => {
    fc.assert(
      fc.property(arbitraryRuns(1), ([runs]) => {
        expect(components(runs as Runs, connectivity).map(pixelsOf)).toEqual(flooded(runs as Runs, connectivity));
      }),
    );
  });

  it('do not reach from a row end to the next row’s beginning', () => {
    expect(components(drawn('..##', '#...'))).toHaveLength(2);
  });

  it('meet at a corner with 8 neighbours only', () => {
    expect(components(drawn('#.', '.#'))).toHaveLength(1);
    expect(components(drawn('#.', '.#'), 4)).toHaveLength(2);
  });

  it('join late, where two arms meet below', () => {
    expect(components(drawn('#.#.#', '#.#.#', '###.#', '....#', '#####'))).toHaveLength(2);
    expect(components(drawn('#...#', '#.#.#', '#.#.#', '#####'))).toHaveLength(1);
  });
});

describe('largestComponent', () => {
  it('keeps the part with the most pixels', () => {
    const largest = largestComponent(drawn('#..##', '#..##', '....#'));
    expect(drawing(maskFromRuns(largest), 5)).toEqual(['...##', '...##', '....#']);
  });

  it('keeps the first of two as large, and nothing of an empty mask', () => {
    expect(drawing(maskFromRuns(largestComponent(drawn('#.#'))), 3)).toEqual(['#..']);
    expect(area(largestComponent(emptyRuns(4, 4)))).toBe(0);
  });
});
