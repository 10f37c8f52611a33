import type { Environment } from '@carpal/configs/environment.ts';
import { environmentNames, loadEnvironment } from '@carpal/configs/environment.ts';
import { type ExperimentSpec, experimentSchema } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { describe, expect, it } from 'vitest';
import { makespan } from '../experiment/makespan.ts';
import { costText } from './cost-text.ts';
import { cheapest, estimateCost, foldsPerNode } from './estimate-cost.ts';
import { evenFolds, foldWork, stepTimesFromHistory } from './fold-time.ts';

function specWith(over: { training?: object; placement?: object; run?: object } = {}): ExperimentSpec {
  const given = { dataset: { uri: 's3://hands' }, model: { name: 'UNet' }, ...over };
  return experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'wrist' },
    spec: given,
  }).spec;
}

const price = (perHour: number) => ({ perHour, source: 'a test', date: '2026-01-01' });
const node = (instanceType: string, gpus: number, cpu: string, memory: string, perHour: number) => ({
  instanceType,
  gpus,
  allocatable: { cpu, memory },
  onDemand: price(perHour),
});
const environmentOf = (...nodes: ReturnType<typeof node>[]): Environment => ({
  name: 'test',
  summary: 't',
  currency: 'USD',
  env: {},
  stages: { prepare: {} },
  nodes,
});

describe('the work of a fold', () => {
  it.each([
    // epochs, batch, validateEvery, train, validation → steps, validations, images validated
    [10, 2, 1, 640, 160, 3200, 10, 1600],
    [10, 2, 1, 641, 160, 3210, 10, 1600],
    [10, 3, 4, 100, 25, 340, 3, 75],
    [10, 8, 5, 8, 2, 10, 2, 4],
    [1, 8, 100, 4, 1, 1, 1, 1],
  ])('is counted for %i epochs in batches of %i, with validation every %i epochs, %i images and %i validation images', (...row) => {
    const [epochs, batchSize, validateEvery, train, validation, steps, validations, validationImages] = row;
    const { training } = specWith({ training: { epochs, batchSize, validateEvery } });
    expect(foldWork(training, { fold: 0, train, validation }, { stepMs: 0, validationMsPerImage: 0 })).toEqual({
      steps,
      validations,
      validationImages,
      hours: 0,
    });
  });

  it('takes the time of its steps plus the time of its validations', () => {
    const { training } = specWith({ training: { epochs: 10, batchSize: 2 } });
    expect(foldWork(training, { fold: 0, train: 640, validation: 160 }, { stepMs: 1000, validationMsPerImage: 100 }).hours).toBeCloseTo(
      (3200 * 1000 + 1600 * 100) / 3_600_000,
    );
  });

  it('is estimated from an even distribution of images if the folds are unknown', () => {
    expect(evenFolds(11, 3)).toEqual([
      { fold: 0, train: 7, validation: 4 },
      { fold: 1, train: 7, validation: 4 },
      { fold: 2, train: 8, validation: 3 },
    ]);
  });
});

describe('the makespan', () => {
  it.each([
    [[3, 3, 3, 3, 3], 5, 3],
    [[3, 3, 3, 3, 3], 2, 9],
    [[3, 3, 3, 3, 3], 1, 15],
    [[5, 1, 1, 1], 2, 5],
    [[1, 1, 5], 2, 6],
    [[], 2, 0],
  ])('of %j with %i at a time is %i', (durations, workers, end) => {
    expect(makespan(durations, workers)).toBe(end);
  });
});

describe('the price of a fold', () => {
  const { placement } = specWith({ placement: { gpus: 1, cpu: '7', memory: '48Gi' } });

  it.each([
    ['a node where one just fits', node('a', 1, '7', '48Gi', 1), 1],
    ['a node that lacks a core', node('a', 1, '6999m', '48Gi', 1), 0],
    ['a node that lacks memory', node('a', 1, '8', '47Gi', 1), 0],
    ['a node without GPUs', node('a', 0, '64', '512Gi', 1), 0],
    ['a node with room for four', node('a', 4, '31', '234Gi', 1), 4],
    ['a node with spare GPUs and cores for two', node('a', 8, '15', '512Gi', 1), 2],
  ])('is divided by the number of folds that fit on %s', (_, shape, folds) => {
    expect(foldsPerNode(shape, placement)).toBe(folds);
  });

  it('is taken only from nodes without GPUs if the fold uses none', () => {
    const cpuOnly = specWith({ placement: { gpus: 0, cpu: '2', memory: '8Gi' } }).placement;
    expect(foldsPerNode(node('gpu', 8, '64', '512Gi', 1), cpuOnly)).toBe(0);
    expect(foldsPerNode(node('cpu', 0, '8', '512Gi', 1), cpuOnly)).toBe(4);
  });

  it('is the lowest price per fold, not per node; of two equal prices, that of the smaller node', () => {
    const nodes = [node('large', 4, '31', '234Gi', 8), node('small', 1, '8', '60Gi', 3), node('larger', 8, '63', '470Gi', 16)];
    expect(cheapest(nodes, placement, 'onDemand')).toMatchObject({ instanceType: 'large', perFoldHour: 2, foldsPerNode: 4 });
    expect(cheapest(nodes, placement, 'spot')).toBeUndefined();
  });
});

const epoch = (number: number, over: Partial<EpochMetrics>): EpochMetrics => ({
  epoch: number,
  step: number * 100,
  learningRate: 0.001,
  loss: 1,
  validationLoss: 1,
  dice: 0.5,
  perClassDice: [],
  seconds: 20,
  imagesPerSecond: 20,
  memoryMb: 1,
  ...over,
});

describe('the step times of an earlier run', () => {
  const metrics = [epoch(1, { imagesPerSecond: 1, seconds: 400 }), epoch(2, {}), epoch(3, { imagesPerSecond: 40 }), epoch(4, {})];

  it('are the median of all epochs but the first, for the requested batch size', () => {
    expect(stepTimesFromHistory([{ metrics, batchSize: 2 }], 4)).toMatchObject({ stepMs: 200, epochs: 3, validationIsMeasured: false });
  });

  it('include the validation time: what an epoch took apart from its steps', () => {
    // 100 steps of 2 images at 20 a second take 10 s; 10 s are left for 50 images.
    const times = stepTimesFromHistory([{ metrics: [epoch(1, {}), epoch(2, {})], batchSize: 2 }], 2, 50);
    expect(times).toMatchObject({ stepMs: 100, validationMsPerImage: 200, validationIsMeasured: true });
  });

  it('estimate the validation time from the step time if nothing was validated', () => {
    const times = stepTimesFromHistory([{ metrics: [epoch(1, { dice: null })], batchSize: 2 }], 2, 50);
    expect(times?.validationMsPerImage).toBeCloseTo(50 / 3);
  });

  it('use a single epoch, and are undefined without any', () => {
    expect(stepTimesFromHistory([{ metrics: [epoch(1, {})], batchSize: 2 }], 2)).toMatchObject({ epochs: 1 });
    expect(stepTimesFromHistory([{ metrics: [], batchSize: 2 }], 2)).toBeUndefined();
  });
});

describe('a cost estimate', () => {
  const spec = specWith({
    training: { epochs: 10, batchSize: 2 },
    placement: { gpus: 2, cpu: '7', memory: '48Gi' },
    run: { parallelism: 2 },
  });
  const environment = environmentOf(node('pair', 2, '8', '60Gi', 6));
  const estimate = estimateCost(spec, evenFolds(1000, 5), { stepMs: 900, validationMsPerImage: 0 }, environment, environment.nodes);

  it('multiplies hours by GPUs and by the price of a fold', () => {
    // 800 images in batches of 2 for 10 epochs: 4,000 steps of 0.9 s make an hour.
    expect(estimate.folds.map(({ hours, gpuHours, onDemand, spot }) => [hours, gpuHours, onDemand, spot])).toEqual(
      Array.from({ length: 5 }, () => [1, 2, 6, undefined]),
    );
    expect(estimate.total).toMatchObject({ steps: 20_000, hours: 5, gpuHours: 10, onDemand: 30, spot: undefined });
    expect(estimate.wallClockHours).toBe(3);
  });

  it('is printed as a table', () => {
    expect(costText(estimate, 2, ['nothing goes wrong'])).toBe(`FOLD  IMAGES  STEPS  VALIDATIONS  HOURS  GPU HOURS  ON-DEMAND USD  SPOT USD
   0     800   4000           10   1.00       2.00           6.00  no price
   1     800   4000           10   1.00       2.00           6.00  no price
   2     800   4000           10   1.00       2.00           6.00  no price
   3     800   4000           10   1.00       2.00           6.00  no price
   4     800   4000           10   1.00       2.00           6.00  no price
 all          20000           50   5.00       10.0          30.00  no price

wall clock with 2 folds at a time: 3h

assumed:
- nothing goes wrong
`);
  });
});

describe('configs/environments', () => {
  it.each(environmentNames())('%s is valid and has a source and a date for each price', (name) => {
    const environment = loadEnvironment(name);
    expect(environment.name).toBe(name);
    expect(environment.nodes.length).toBeGreaterThan(0);
    for (const { onDemand } of environment.nodes) expect(onDemand?.source).not.toBe('');
  });

  it('names an unknown environment in the error', () => {
    expect(() => loadEnvironment('moon')).toThrow('there is no environment "moon"');
  });
});
