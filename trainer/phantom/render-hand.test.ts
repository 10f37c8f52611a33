import { describe, expect, it } from 'vitest';
import { IMAGE_UNITS } from './anatomy.ts';
import { assembleHand } from './hand.ts';
import { drawPerson, type Half } from './person.ts';
import { pixelContour } from './pixel-contour.ts';
import { renderHand } from './render-hand.ts';
import { makeTextures } from './texture.ts';

const SEED = 4;
const textures = makeTextures(SEED);

function render(number: number, half: Half, size: number): { grey: Uint8Array; hand: ReturnType<typeof assembleHand> } {
  const hand = assembleHand(SEED, drawPerson(SEED, number, half), number % 2 === 0 ? 'right' : 'left');
  return { grey: renderHand(hand, size, SEED, textures), hand };
}

const mean = (values: Iterable<number>): number => {
  const all = [...values];
  return all.reduce((sum, value) => sum + value, 0) / all.length;
};

describe('a rendered radiograph', () => {
  it('has the brightness of the real ones: a mean grey of 26 to 28 and a spread of about 0.168 over a set', () => {
    const radiographs = Array.from({ length: 16 }, (_, index) => render(index + 1, index < 8 ? 'train' : 'test', 256).grey);
    const grey = mean(radiographs.map(mean));
    expect(grey).toBeGreaterThan(26);
    expect(grey).toBeLessThan(28);
    const squares = mean(radiographs.map((radiograph) => mean(radiograph.map((value) => Math.min(255, (value * value) / 255)))));
    expect(Math.sqrt(squares * 255 - grey * grey) / 255).toBeGreaterThan(0.15);
    expect(Math.sqrt(squares * 255 - grey * grey) / 255).toBeLessThan(0.19);
  });

  it('shows every bone brighter than its surroundings, exactly where the annotation is', () => {
    const size = 1024;
    const { grey, hand } = render(2, 'train', size);
    for (const bone of hand.bones.filter(({ kind }) => kind === 'long')) {
      const contour = pixelContour(bone.outline, IMAGE_UNITS / size, size);
      const [inside, outside] = [along(contour, grey, size, -4), along(contour, grey, size, 4)];
      expect(inside, bone.name).toBeGreaterThan(outside * 1.08);
    }
  });

  it.each([128, 300, 512, 700, 1400])('can be rendered at %i pixels with about the same mean', (size) => {
    const { grey } = render(3, 'train', size);
    expect(grey).toHaveLength(size * size);
    expect(mean(grey)).toBeCloseTo(mean(render(3, 'train', 256).grey), 0);
  });

  it('is reproducible and grainy', () => {
    const first = render(5, 'test', 256).grey;
    render(6, 'test', 256);
    expect(Buffer.compare(first, render(5, 'test', 256).grey)).toBe(0);
    expect(new Set(first).size).toBeGreaterThan(100);
  });
});

/** The mean grey at a distance outside (or, if negative, inside) a clockwise contour. */
function along(contour: Int32Array, grey: Uint8Array, size: number, distance: number): number {
  const values: number[] = [];
  const count = contour.length / 2;
  for (let i = 0; i < count; i++) {
    const [before, after] = [(i + count - 4) % count, (i + 4) % count];
    const [dx, dy] = [
      (contour[2 * after] ?? 0) - (contour[2 * before] ?? 0),
      (contour[2 * after + 1] ?? 0) - (contour[2 * before + 1] ?? 0),
    ];
    const length = Math.hypot(dx, dy) || 1;
    const x = Math.round((contour[2 * i] ?? 0) + (distance * dy) / length);
    const y = Math.round((contour[2 * i + 1] ?? 0) - (distance * dx) / length);
    if (x >= 0 && y >= 0 && x < size && y < size) values.push(grey[y * size + x] ?? 0);
  }
  return mean(values);
}
