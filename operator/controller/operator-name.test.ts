import { describe, expect, it } from 'vitest';
import { operatorName } from './operator-name.ts';

describe('the name of an operator', () => {
  it('is of the namespace that it looks after', () => {
    expect([operatorName(), operatorName('radiology')]).toEqual(['carpal-operator', 'carpal-operator-radiology']);
  });

  it('can be a Service’s, and no two are the same', () => {
    const longest = ['a', 'b'].map((end) => operatorName(`${'x'.repeat(62)}${end}`));
    expect(longest.map(({ length }) => length)).toEqual([63, 63]);
    expect(new Set(longest).size).toBe(2);
  });
});
