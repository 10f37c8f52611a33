import { squareFit } from '@carpal/masks/fit.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { type Affine, IDENTITY, rotation, scaling, translation } from '@carpal/masks/warp.ts';
import { describe, expect, it } from 'vitest';
import { UNIT_LEVELS } from './augmentations.ts';
import { addNoise } from './pixel-filters.ts';
import { warpImage, warpScratch } from './warp-image.ts';
import { squareToImage } from './warp-plan.ts';

const SIZE = 32;
const fit = squareFit(128, 128, SIZE);
const image = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => randomFor(1, i).integer(256));
const warp = (geometry: Affine, source = image, levels = UNIT_LEVELS): Float32Array => {
  const out = new Float32Array(SIZE * SIZE);
  warpImage(source, { fit, warp: [geometry], levels, scratch: warpScratch(SIZE) }, out);
  return out;
};
const unit = (source: Uint8Array): Float32Array => Float32Array.from(source, (value) => value / 255);

describe('warpImage', () => {
  it('leaves an image unchanged without movement', () => {
    expect(warp(IDENTITY)).toEqual(unit(image));
  });

  it('flips exactly', () => {
    const flipped = image.map((_, i) => image[i - (i % SIZE) + SIZE - 1 - (i % SIZE)] as number);
    warp(scaling(-1, 1, 63.5, 0)).forEach((value, i) => {
      expect(value).toBeCloseTo((flipped[i] as number) / 255, 5);
    });
  });

  it('moves exactly by whole square pixels, and fills with black', () => {
    const shifted = warp(translation(4 * 3, -4 * 2));
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const expected = x < 3 || y >= SIZE - 2 ? 0 : (image[(y + 2) * SIZE + x - 3] as number) / 255;
        expect(shifted[y * SIZE + x]).toBeCloseTo(expected, 5);
      }
    }
  });

  it('averages two neighbours for half a square pixel', () => {
    const shifted = warp(translation(2, 0));
    expect(shifted[5 * SIZE + 9]).toBeCloseTo(((image[5 * SIZE + 8] as number) + (image[5 * SIZE + 9] as number)) / 510, 5);
  });

  it('moves every pixel to its place in a quarter turn', () => {
    const turned = warp(rotation(90, 63.5, 63.5));
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) expect(turned[x * SIZE + SIZE - 1 - y]).toBeCloseTo((image[y * SIZE + x] as number) / 255, 4);
    }
  });

  it('fills places from outside with the level of black', () => {
    const levels = UNIT_LEVELS.map((value) => 0.5 + value / 2);
    expect(warp(translation(1e6, 1e6), image, levels).every((value) => value === 0.5)).toBe(true);
  });

  it('counts both grids at pixel centres', () => {
    expect(squareToImage(squareFit(128, 128, 32))).toEqual([4, 0, 1.5, 0, 4, 1.5]);
    expect(squareToImage(squareFit(64, 128, 32))).toEqual([4, 0, 1.5 - 32, 0, 4, 1.5]);
  });
});

describe('addNoise', () => {
  it('adds normally distributed values with mean 0 and the given deviation', () => {
    const values = new Float32Array(100_001).fill(0.5);
    addNoise(values, 0, values.length, 0.05, randomFor(3));
    const changes = Array.from(values, (value) => (value - 0.5) / 0.05);
    const mean = changes.reduce((sum, value) => sum + value, 0) / changes.length;
    const moment = (power: number): number => changes.reduce((sum, value) => sum + (value - mean) ** power, 0) / changes.length;
    expect(Math.abs(mean)).toBeLessThan(0.015);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15);
    expect(changes.filter((value) => Math.abs(value) > 1.96).length / changes.length).toBeCloseTo(0.05, 2);
  });

  it('adds independent noise to neighbours, only within the range, and stays in 0..1', () => {
    const values = new Float32Array(20_000).fill(0.5);
    addNoise(values, 0, values.length, 0.1, randomFor(3));
    let product = 0;
    for (let i = 1; i < values.length; i++) product += ((values[i] as number) - 0.5) * ((values[i - 1] as number) - 0.5);
    expect(Math.abs(product / values.length / 0.01)).toBeLessThan(0.03);

    const part = new Float32Array(10).fill(0.5);
    addNoise(part, 3, 6, 5, randomFor(1));
    expect(part.map((value, i) => (i < 3 || i >= 6 ? value : 0))).toEqual(new Float32Array([0.5, 0.5, 0.5, 0, 0, 0, 0.5, 0.5, 0.5, 0.5]));
    expect(part.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});
