import { describe, expect, it } from 'vitest';
import { weightsChoice } from './option-values.ts';

describe('a value of --weights', () => {
  it.each([
    ['best.safetensors', 'best.safetensors', 1],
    ['best.safetensors=2', 'best.safetensors', 2],
    ['a/b=0.25', 'a/b', 0.25],
    ['width=4/best.safetensors', 'width=4/best.safetensors', 1],
    ['width=4.safetensors=1e-3', 'width=4.safetensors', 0.001],
  ])('%s gives path and weight', (text, path, weight) => {
    expect(weightsChoice(text)).toEqual({ path, weight });
  });

  it.each(['a=0', 'a=-1', 'a=', 'a= ', 'a=NaN', 'a=Infinity', 'a=two', 'width=4.safetensors', '=2'])('%s is refused', (text) => {
    expect(() => weightsChoice(text)).toThrow(expect.objectContaining({ code: 'usage-invalid', where: '--weights' }));
  });
});
