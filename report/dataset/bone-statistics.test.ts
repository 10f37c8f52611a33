import { arbitraryMasks } from '@carpal/masks/testing/arbitrary-masks.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatherBones } from './bone-statistics.ts';

const CLASSES = ['first', 'second', 'third'];

describe('the statistics of bones', () => {
  it('do not depend on the order in which images are added', () => {
    fc.assert(
      fc.property(fc.array(arbitraryMasks(3), { minLength: 2, maxLength: 6 }), (images) => {
        const [forwards, backwards] = [gatherBones(CLASSES), gatherBones(CLASSES)];
        for (const [image, masks] of images.entries()) forwards.add(image, masks);
        for (const [image, masks] of [...images.entries()].reverse()) backwards.add(image, masks);
        expect(backwards.finish()).toEqual(forwards.finish());
      }),
    );
  });
});
