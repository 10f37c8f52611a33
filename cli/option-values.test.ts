import { describe, expect, it } from 'vitest';
import { labelName, quantity, weightsChoice } from './option-values.ts';

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

describe('a value of an option that is a quantity', () => {
  it.each(['2', '500m', '8Gi', '1.5G'])('is %s', (text) => expect(quantity('--prepare-cpu')(text)).toBe(text));

  it.each(['', '0', '0Gi', 'two', '-1', '8GB'])('is not "%s"', (text) => {
    expect(() => quantity('--prepare-cpu')(text)).toThrow(expect.objectContaining({ code: 'usage-invalid', where: '--prepare-cpu' }));
  });
});

describe('a value of an option that names a queue', () => {
  it.each(['cpu', 'team-a', 'x'.repeat(63)])('is %s', (text) => expect(labelName('--prepare-queue')(text)).toBe(text));

  it.each(['', 'Team', '-a', 'a.b', 'x'.repeat(64)])('is not "%s"', (text) => {
    expect(() => labelName('--prepare-queue')(text)).toThrow(expect.objectContaining({ code: 'usage-invalid', where: '--prepare-queue' }));
  });
});
