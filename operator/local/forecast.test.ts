import { type ExperimentSpec, specSchema } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { forecast, notMeasured } from './forecast.ts';
import { forecastNotes, forecastTable } from './forecast-text.ts';

const spec: ExperimentSpec = specSchema.parse({
  dataset: { uri: 'data' },
  model: { name: 'UNet' },
  training: { epochs: 10, batchSize: 4, validateEvery: 5 },
});
const FOLDS = [0, 1, 2].map((fold) => ({ fold, train: 18, validation: 10 }));
const FIGURES = { peakMemoryMb: 2048, firstStepSeconds: 5, stepSeconds: 2, validationSecondsPerImage: 0.5 };

describe('forecast', () => {
  it('adds up steps, validations and the first step', () => {
    // 10 epochs of 5 steps of 2 s, 2 validations of 10 images of 0.5 s, and 5 s.
    const found = forecast(spec, FOLDS, 2, FIGURES);
    expect(found.folds.map(({ stepsPerEpoch, seconds }) => [stepsPerEpoch, seconds])).toEqual(FOLDS.map(() => [5, 115]));
    expect(found).toMatchObject({ foldsAtOnce: 2, seconds: 230, memoryMb: 4096 });
  });

  it('knows steps without any measurement, and no more', () => {
    const found = forecast(spec, FOLDS.slice(0, 1), 4, undefined);
    expect(found).toEqual({ folds: [{ ...FOLDS[0], stepsPerEpoch: 5 }], foldsAtOnce: 1 });
    expect(forecastTable(found)).toBe('FOLD  IMAGES  VALIDATED  STEPS/EPOCH\n   0      18         10            5\n');
  });

  it('reads well', () => {
    const found = forecast(spec, FOLDS, 2, FIGURES);
    const notes = forecastNotes(
      found,
      { ...FIGURES, steps: 3, device: 'cpu' },
      { mb: 16_384, from: 'the machine' },
      notMeasured(found, 'cpu'),
    );
    expect(`${forecastTable(found)}${notes}`).toBe(`FOLD  IMAGES  VALIDATED  STEPS/EPOCH   TIME
   0      18         10            5  1m55s
   1      18         10            5  1m55s
   2      18         10            5  1m55s
3 steps timed on this machine: 2.00 s a step, 5.00 s until the first is done, 0.500 s to validate an image
expected time: 3m50s with 2 folds at a time
expected peak memory: 4.00 GB with 2 folds at a time; the limit is 16.00 GB (the machine)
not measured:
- early stopping: every fold is taken to train all its epochs, from the first
- preparing the data set, comparing masks at the size of the images, checkpoints, the ensemble
- augmentations, which are made beside the steps and may be slower than they are
- what 2 folds at a time take from each other: the steps ran alone
`);
  });

  it('says that nothing is known of the memory of a GPU', () => {
    const one = forecast(spec, FOLDS.slice(0, 1), 1, FIGURES);
    expect(notMeasured(one, 'gpu').at(-1)).toContain("the GPU's own memory");
    expect(notMeasured(one, 'cpu')).toHaveLength(3);
  });

  it('of nothing to train is nothing', () => {
    expect(forecast(spec, [], 2, FIGURES)).toMatchObject({ folds: [], foldsAtOnce: 1, seconds: 0 });
  });
});
