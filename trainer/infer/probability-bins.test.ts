import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logitOf, ProbabilityBins } from './probability-bins.ts';

const cut = fc.integer({ min: 1, max: 999 }).map((thousandths) => thousandths / 1000);

describe('ProbabilityBins', () => {
  it('counts the cuts below a logit, as comparing with every cut does', () => {
    const cuts = fc.array(cut, { minLength: 1, maxLength: 60 });
    const logits = fc.array(
      fc.oneof(fc.double({ min: -9, max: 9, noNaN: true }), cut.map(logitOf), fc.double(), fc.constantFrom(-1e9, 1e9)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(cuts, logits, (given, values) => {
        const bins = new ProbabilityBins(given);
        expect(bins.count).toBe(new Set(given).size + 1);
        for (const logit of values) expect(bins.ofLogit(logit)).toBe(bins.cuts.filter((at) => logit > logitOf(at)).length);
      }),
    );
  });

  it('puts a value that is not a number into bin 0', () => {
    expect(new ProbabilityBins([0.5]).ofLogit(Number.NaN)).toBe(0);
  });

  it('knows the index of each cut, and no other', () => {
    const bins = new ProbabilityBins([0.7, 0.2, 0.7]);
    expect([bins.indexOf(0.2), bins.indexOf(0.7)]).toEqual([0, 1]);
    expect(() => bins.indexOf(0.5)).toThrow(RangeError);
  });
});
