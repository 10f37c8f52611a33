import { specSchema } from '@carpal/configs/schema/experiment.ts';
import { completeSpec } from '@carpal/configs/schema/options.ts';
import { describe, expect, it } from 'vitest';
import { untrainedViews } from './trained-views.ts';

const warningsOf = (inference: object, augmentations?: readonly object[]): string[] =>
  untrainedViews(
    completeSpec(
      specSchema.parse({ dataset: { uri: 'data' }, model: { name: 'UNet' }, inference, ...(augmentations && { augmentations }) }),
    ),
  );

describe('untrainedViews', () => {
  it('has nothing to say about the defaults, or about views within what the augmentations train', () => {
    expect(warningsOf({})).toEqual([]);
    expect(warningsOf({ tta: ['identity', 'rotateLeft', 'rotateRight'] })).toEqual([]);
    const trained = [{ name: 'shiftScaleRotate', scale: 0.1, degrees: 20 }];
    expect(warningsOf({ tta: ['rotateLeft', 'scaleDown', 'scaleUp'], ttaDegrees: 20, ttaScale: 0.1 }, trained)).toEqual([]);
    expect(warningsOf({ tta: ['scaleDown', 'scaleUp'] }, [{ name: 'shiftScaleRotate' }])).toEqual([]);
    expect(warningsOf({ tta: ['flipVertical'] }, [{ name: 'rotate', degrees: 180 }])).toEqual([]);
    expect(warningsOf({ tta: ['scaleUp'], ttaScale: 0.3 }, [{ name: 'wristCrop' }])).toEqual([]);
  });

  it('names views that turn the image further than it was trained, or change its size more', () => {
    expect(warningsOf({ tta: ['identity', 'rotateLeft', 'rotateRight'], ttaDegrees: 30 })).toEqual([
      'inference.tta: the network is not trained on views turned by 30° (rotateLeft, rotateRight), which can lower the result: augmentations turn images by at most 15°',
    ]);
    expect(warningsOf({ tta: ['rotateLeft', 'scaleUp'] }, [{ name: 'rotate', probability: 0 }])).toEqual([
      'inference.tta: the network is not trained on views turned by 10° (rotateLeft), which can lower the result: no augmentation turns images',
      'inference.tta: the network is not trained on views at a size changed by 5 % (scaleUp), which can lower the result: no augmentation changes the size',
    ]);
    expect(warningsOf({ tta: ['scaleDown'], ttaScale: 0.25 }, [{ name: 'shiftScaleRotate', scale: 0.1 }])).toEqual([
      'inference.tta: the network is not trained on views at a size changed by 25 % (scaleDown), which can lower the result: augmentations change the size by at most 10 %',
    ]);
  });

  it('names a hand that is upside down', () => {
    expect(warningsOf({ tta: ['identity', 'flipVertical'] })).toEqual([
      'inference.tta: the network is not trained on views upside down (flipVertical), which can lower the result: augmentations do not turn images so far',
    ]);
  });
});
