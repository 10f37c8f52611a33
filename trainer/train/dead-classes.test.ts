import { describe, expect, it } from 'vitest';
import { deadClasses, deadClassWarning } from './dead-classes.ts';

describe('deadClasses', () => {
  it('names the classes with pixels and a Dice under 0.05', () => {
    const figures = [
      { dice: 0, truePixels: 10 },
      { dice: 0.0499, truePixels: 1 },
      { dice: 0.05, truePixels: 10 },
      { dice: 0, truePixels: 0 },
    ];
    expect(deadClasses(['a', 'b', 'c', 'd', 'e'], figures)).toEqual(['a', 'b']);
  });
});

describe('deadClassWarning', () => {
  it('names the classes and what to do, within the length of a warning', () => {
    expect(deadClassWarning([])).toBeUndefined();
    expect(deadClassWarning(['Pisiform'])).toMatch(/^1 class has an out-of-fold Dice under 0\.05: Pisiform\. /);
    const warning = deadClassWarning(Array.from({ length: 29 }, (_, index) => `finger-${index}`)) ?? '';
    expect(warning).toContain('finger-11 and 17 more.');
    expect(warning.length).toBeLessThan(300);
  });
});
