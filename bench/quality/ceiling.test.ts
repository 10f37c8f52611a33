import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { describe, expect, it } from 'vitest';
import { ceilingOf, largeMask, smallTarget } from './ceiling.ts';

const circle = (x: number, y: number, radius: number): Float32Array =>
  Float32Array.from({ length: 128 }, (_, at) => {
    const angle = (Math.floor(at / 2) / 64) * 2 * Math.PI;
    return Math.round(at % 2 === 0 ? x + radius * Math.cos(angle) : y + radius * Math.sin(angle));
  });
const disc = fillPolygon(circle(101, 93, 40), 256, 256);

describe('the ceiling of a target', () => {
  it('is 1 if the square is as large as the image, for every kind of target', () => {
    for (const kind of ['area', 'nearest', 'floor'] as const) expect(ceilingOf(disc, 256, kind)).toBe(1);
  });

  it('is highest for areas and lowest for the upper left pixel, which moves the mask', () => {
    const [area, nearest, floor] = [ceilingOf(disc, 32, 'area'), ceilingOf(disc, 32, 'nearest'), ceilingOf(disc, 32, 'floor')];
    expect(area).toBeGreaterThan(nearest);
    expect(nearest).toBeGreaterThan(floor);
    expect(area).toBeGreaterThan(0.98);
  });

  it('samples the area, the pixel at the centre, or the upper left one', () => {
    const rectangle = fillPolygon(Float32Array.of(2, 0, 7, 0, 7, 7, 2, 7), 8, 8);
    const fit = squareFit(8, 8, 2);
    expect([...smallTarget(rectangle, fit, 'area')]).toEqual([128, 255, 128, 255]);
    expect([...smallTarget(rectangle, fit, 'nearest')]).toEqual([255, 255, 255, 255]);
    expect([...smallTarget(rectangle, fit, 'floor')]).toEqual([0, 255, 0, 255]);
  });

  it('pads an image that is not square', () => {
    const bar = fillPolygon(Float32Array.of(0, 0, 7, 0, 7, 3, 0, 3), 8, 4);
    const fit = squareFit(8, 4, 4);
    expect([...smallTarget(bar, fit, 'nearest')]).toEqual([0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]);
    expect(largeMask(smallTarget(bar, fit, 'area'), fit, 8, 4)).toMatchObject({ width: 8, height: 4 });
  });
});
