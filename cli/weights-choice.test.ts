import { describe, expect, it } from 'vitest';
import { weightsChoice } from './weights-choice.ts';

describe('weightsChoice', () => {
  it.each([
    ['best.safetensors', 'best.safetensors', 1],
    ['best.safetensors=2', 'best.safetensors', 2],
    ['a/b=0.25', 'a/b', 0.25],
    ['width=4/best.safetensors', 'width=4/best.safetensors', 1],
    ['width=4.safetensors=1e-3', 'width=4.safetensors', 0.001],
  ])('of %s', (text, path, weight) => {
    expect(weightsChoice(text)).toEqual({ path, weight });
  });

  it.each(['a=0', 'a=-1', 'a=', 'a= ', 'a=NaN', 'a=Infinity', 'a=two', 'width=4.safetensors', '=2'])('refuses %s', (text) => {
    expect(() => weightsChoice(text)).toThrow(expect.objectContaining({ code: 'usage-invalid', where: '--weights' }));
  });
});
