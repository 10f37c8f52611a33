import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { type LineChart, lineChart, type Series } from './line-chart.ts';
import { section } from './page.ts';
import type { ReportFold } from './report-data.ts';
import { runColour } from './run-colours.ts';

/** Learning curves of every fold, and what each epoch took in time and memory. */
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
      'Seconds an epoch, with its validation',
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
