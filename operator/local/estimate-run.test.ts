import { type ExperimentSpec, specSchema } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { estimateNotes, estimateRun, estimateTable, notMeasured } from './estimate-run.ts';

const spec: ExperimentSpec = specSchema.parse({
  dataset: { uri: 'data' },
  model: { name: 'UNet' },
  training: { epochs: 10, batchSize: 4, validateEvery: 5 },
});
const FOLDS = [0, 1, 2].map((fold) => ({ fold, train: 18, validation: 10 }));
const FIGURES = { peakMemoryMb: 2048, firstStepSeconds: 5, stepSeconds: 2, validationSecondsPerImage: 0.5 };

describe('the estimate of a local run', () => {
  it('adds up steps, validations and the first step', () => {
    // 10 epochs of 5 steps of 2 s, 2 validations of 10 images of 0.5 s, and 5 s.
    const found = estimateRun(spec, FOLDS, 2, FIGURES);
    expect(found.folds.map(({ stepsPerEpoch, seconds }) => [stepsPerEpoch, seconds])).toEqual(FOLDS.map(() => [5, 115]));
    expect(found).toMatchObject({ foldsAtOnce: 2, seconds: 230, memoryMb: 4096 });
  });

  it('contains only step counts if nothing was measured', () => {
    const found = estimateRun(spec, FOLDS.slice(0, 1), 4, undefined);
    expect(found).toEqual({ folds: [{ ...FOLDS[0], stepsPerEpoch: 5 }], foldsAtOnce: 1 });
    expect(estimateTable(found)).toBe('FOLD  IMAGES  VALIDATED  STEPS/EPOCH\n   0      18         10            5\n');
  });

  it('is printed as a table with notes', () => {
    const found = estimateRun(spec, FOLDS, 2, FIGURES);
    const notes = estimateNotes(
      found,
      { ...FIGURES, steps: 3, device: 'cpu' },
      { mb: 16_384, from: 'the machine' },
      notMeasured(found, 'cpu'),
    );
    expect(`${estimateTable(found)}${notes}`).toBe(`FOLD  IMAGES  VALIDATED  STEPS/EPOCH   TIME
   0      18         10            5  1m55s
   1      18         10            5  1m55s
   2      18         10            5  1m55s
3 steps timed on this machine: 2.00 s per step, 5.00 s for the first step, 0.500 s to validate an image
expected time: 3m50s with 2 folds at a time
expected peak memory: 4.00 GB with 2 folds at a time; the limit is 16.00 GB (the machine)
not measured:
- early stopping: the estimate assumes that every fold trains all its epochs
- preparing the data set, comparing masks at full image size, checkpoints, the ensemble
- augmentations: they run in parallel with the steps and may be slower than the steps
- how much 2 folds slow each other down: the steps were timed with one fold
`);
  });

  it('states that the memory of a GPU is not measured', () => {
    const one = estimateRun(spec, FOLDS.slice(0, 1), 1, FIGURES);
    expect(notMeasured(one, 'gpu').at(-1)).toContain("the GPU's own memory");
    expect(notMeasured(one, 'cpu')).toHaveLength(3);
  });

  it('is empty if no fold is left to train', () => {
    expect(estimateRun(spec, [], 2, FIGURES)).toMatchObject({ folds: [], foldsAtOnce: 1, seconds: 0 });
  });
});
