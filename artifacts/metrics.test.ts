import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EpochMetrics, epochMetricsSchema } from '@carpal/configs/schema/progress.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetricsLog, readMetrics } from './metrics.ts';
import { openStore } from './open-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-metrics-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const metricsOf = (epoch: number, loss: number): EpochMetrics => ({
  epoch,
  step: epoch * 4,
  learningRate: 1e-3,
  loss,
  validationLoss: null,
  dice: null,
  perClassDice: [],
  seconds: 1,
  imagesPerSecond: 8,
  memoryMb: 500,
});

const lines = async (): Promise<EpochMetrics[]> => {
  const text = await readFile(join(folder, 'metrics.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => epochMetricsSchema.parse(JSON.parse(line)));
};
const open = (): MetricsLog => new MetricsLog(openStore(folder), 'metrics.ndjson');

describe('MetricsLog', () => {
  it('has one valid line per epoch', async () => {
    const log = open();
    await log.resumeAt(1);
    for (const epoch of [1, 2, 3]) await log.add(metricsOf(epoch, 1 / epoch));
    expect((await lines()).map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it('has one line for an epoch that a resumed fold repeats', async () => {
    const first = open();
    for (const epoch of [1, 2, 3]) await first.add(metricsOf(epoch, 0.5));
    const second = open();
    await second.resumeAt(3);
    await second.add(metricsOf(3, 0.25));
    expect((await lines()).map(({ epoch, loss }) => [epoch, loss])).toEqual([
      [1, 0.5],
      [2, 0.5],
      [3, 0.25],
    ]);
  });

  it('drops a line that is not JSON when the fold resumes', async () => {
    await openStore(folder).write('metrics.ndjson', `${JSON.stringify(metricsOf(1, 1))}\n{"epoch": 2, "lo`);
    const log = open();
    await log.resumeAt(3);
    await log.add(metricsOf(3, 0.1));
    expect((await lines()).map(({ epoch }) => epoch)).toEqual([1, 3]);
  });
});

describe('readMetrics', () => {
  it('returns the epochs in ascending order without unreadable lines, and nothing for a missing file', async () => {
    const texts = [metricsOf(2, 0.5), metricsOf(1, 1)].map((metrics) => JSON.stringify(metrics));
    await openStore(folder).write('metrics.ndjson', `${texts.join('\n')}\n{"epoch": 3}\n{"epoch": 4, "lo`);
    expect((await readMetrics(openStore(folder), 'metrics.ndjson')).map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(await readMetrics(openStore(folder), 'none')).toEqual([]);
  });
});
