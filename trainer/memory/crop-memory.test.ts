import { completeSpec } from '@carpal/configs/schema/options.ts';
import { describe, expect, it } from 'vitest';
import { tinyExperiment } from '../train/testing/tiny-dataset.ts';
import { checkValidationFits } from './check-memory.ts';
import { memoryTooSmall, sizeFieldOf } from './memory-too-small.ts';

const CLASSES = 29;
const GIGABYTE = 2 ** 30;
const limit = (gigabytes: number) => ({ bytes: gigabytes * GIGABYTE, from: 'the control group' });
const specOf = (input: object) => completeSpec(tinyExperiment('data', { input }).spec);

describe('checkValidationFits', () => {
  // Two maps of 29 classes at 2048 px have 0.91 GB, and the process itself needs 0.4 GB.
  const crops = specOf({ crop: { size: 256, imageSize: 2048 } });

  it('refuses crops of images whose logits do not fit, although a step on a crop would', () => {
    expect(() => checkValidationFits(crops, CLASSES, limit(1.3))).toThrow(
      expect.objectContaining({
        code: 'memory-too-small',
        message: expect.stringMatching(
          /^validating images of 2048 px needs 1\.3\d GB of memory, including the process itself; the limit is 1\.30 GB/,
        ),
        where: 'spec.placement.memory, spec.input.crop.imageSize',
      }),
    );
  });

  it('accepts crops of smaller images, more memory, and whole images of any size', () => {
    checkValidationFits(specOf({ crop: { size: 256, imageSize: 1024 } }), CLASSES, limit(1.3));
    checkValidationFits(crops, CLASSES, limit(1.5));
    checkValidationFits(specOf({ size: 2048 }), CLASSES, limit(0.1));
  });
});

it('memoryTooSmall names the size of the crop if a step on crops does not fit', () => {
  const { input } = specOf({ crop: { size: 1024, imageSize: 2048 } });
  const step = { network: 'UNet', size: input.size, batchSize: 2, limitMb: 4096, from: 'the machine', sizeField: sizeFieldOf(input) };
  const error = memoryTooSmall({ ...step, fitting: { batchSize: undefined, size: 512 } });
  expect(error).toMatchObject({
    where: 'spec.training.batchSize, spec.input.crop.size',
    fix: expect.stringContaining('with training.batchSize 1, input.crop.size can be at most about 512'),
  });
});
