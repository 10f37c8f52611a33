import { describe, expect, it } from 'vitest';
import { operatorName } from './operator-name.ts';

describe('the name of an operator', () => {
  it('contains the namespace that it watches', () => {
    expect([operatorName(), operatorName('radiology')]).toEqual(['carpal-operator', 'carpal-operator-radiology']);
  });

  it('is a valid Service name and unique', () => {
    const longest = ['a', 'b'].map((end) => operatorName(`${'x'.repeat(62)}${end}`));
    expect(longest.map(({ length }) => length)).toEqual([63, 63]);
    expect(new Set(longest).size).toBe(2);
  });
});
