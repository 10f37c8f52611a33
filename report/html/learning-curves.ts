import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { meanOf } from '../scoring/scoring.ts';
import type { ComparedRun } from '../statistics/compare-runs.ts';
import { type LineChart, lineChart, runColour, type Series } from './charts.ts';
import { escapeHtml, section } from './page.ts';
import type { ReportFold } from './report-data.ts';

/** Learning curves of every fold, with time and memory per epoch. */
export function trainingSection(folds: readonly ReportFold[]): string {
  const seriesOf = (value: (epoch: EpochMetrics) => number | null, note = '', dashed = false): Series[] =>
    folds.map(({ fold, metrics }, index) => ({
      label: `fold ${fold}${note}`,
      colour: runColour(index),
      dashed,
      points: metrics.map((epoch) => ({ x: epoch.epoch, y: value(epoch) ?? Number.NaN })),
    }));
  const chart = (title: string, series: readonly Series[], fromZero = true): string =>
    lineChart({ title, series, xLabel: 'epoch', fromZero } satisfies LineChart);
  const loss = [...seriesOf((epoch) => epoch.validationLoss, ', validation'), ...seriesOf((epoch) => epoch.loss, ', training', true)];
  const charts = [
    chart(
      'Dice of the validation images',
      seriesOf((epoch) => epoch.dice),
      false,
    ),
    chart('Loss: validation solid, training dashed', loss),
    chart(
      'Seconds per epoch, including validation',
      seriesOf((epoch) => epoch.seconds),
    ),
    chart(
      'Memory of the process after each epoch, MB',
      seriesOf((epoch) => epoch.memoryMb),
    ),
  ];
  const keys = folds.map(
    ({ fold, score }, index) =>
      `<span><i style="background:${runColour(index)}"></i>fold ${fold}: Dice ${score.dice.toFixed(4)} of ${score.images} images</span>`,
  );
  return section('Training', `<div class="charts">${charts.join('')}</div><div class="key">${keys.join('')}</div>`);
}

/** Learning curves of all runs in common charts, each the mean over the folds that reached the epoch. */
export function comparisonCurves(runs: readonly ComparedRun[]): string {
  const seriesOf = (value: (epoch: EpochMetrics) => number | null): Series[] =>
    runs.map(({ title, folds }, index) => ({ label: title, colour: runColour(index), points: meanCurve(folds, value) }));
  const chart = (title: string, value: (epoch: EpochMetrics) => number | null, fromZero = true): string =>
    lineChart({ title, series: seriesOf(value), xLabel: 'epoch', fromZero });
  const charts = [
    chart('Dice of the validation images', ({ dice }) => dice, false),
    chart('Loss of the validation images, on the scale of each run’s own losses', ({ validationLoss }) => validationLoss),
    chart('Seconds per epoch, including validation', ({ seconds }) => seconds),
    chart('Memory of the process after each epoch, MB', ({ memoryMb }) => memoryMb),
  ];
  const keys = runs.map(({ title }, index) => `<span><i style="background:${runColour(index)}"></i>${escapeHtml(title)}</span>`);
  const note =
    '<p class="dim">Each line is the mean over the folds that reached the epoch. If folds stop early, the last epochs are the mean of fewer folds.</p>';
  return section('Training', `${note}<div class="charts">${charts.join('')}</div><div class="key">${keys.join('')}</div>`);
}

function meanCurve(folds: ComparedRun['folds'], value: (epoch: EpochMetrics) => number | null): Series['points'] {
  const values = new Map<number, number[]>();
  for (const epoch of folds.flatMap(({ epochs }) => epochs)) {
    const own = value(epoch);
    if (own !== null) values.set(epoch.epoch, [...(values.get(epoch.epoch) ?? []), own]);
  }
  return [...values].sort(([a], [b]) => a - b).map(([epoch, all]) => ({ x: epoch, y: meanOf(all) }));
}
