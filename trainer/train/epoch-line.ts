import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';

/** One line of an epoch for a log: `epoch  3/40  loss 0.4312  validation 0.4517  Dice 0.7012 *  rate 3.9e-3  18.2 images/s`; the star marks a new best. */
export function epochLine(metrics: EpochMetrics, epochs: number, best: boolean): string {
  const width = String(epochs).length;
  const figure = (value: number | null): string => (value === null ? '     –' : value.toFixed(4));
  return [
    `epoch ${String(metrics.epoch).padStart(width)}/${epochs}`,
    `loss ${figure(metrics.loss)}`,
    `validation ${figure(metrics.validationLoss)}`,
    `Dice ${figure(metrics.dice)}${best ? ' *' : '  '}`,
    `rate ${metrics.learningRate.toExponential(1)}`,
    `${metrics.imagesPerSecond.toFixed(1)} images/s`,
  ].join('  ');
}
