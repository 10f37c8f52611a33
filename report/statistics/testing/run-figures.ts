import type { RunFigures } from '@carpal/artifacts/figures.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import { RUN_FIGURES_VERSION, type ScoredImage } from '@carpal/configs/schema/run-figures.ts';

/** An epoch of some seconds; its Dice increases with its number. */
export const epochOf = (epoch: number, seconds = 30, memoryMb = 500): EpochMetrics => ({
  epoch,
  step: epoch * 10,
  learningRate: 0.001,
  loss: 1 / epoch,
  validationLoss: 1.1 / epoch,
  dice: 1 - 0.5 / epoch,
  perClassDice: [],
  seconds,
  imagesPerSecond: 3,
  memoryMb,
});

/** A run with these images and two folds of three epochs. */
export function runFigures(name: string, images: readonly ScoredImage[], classes = ['finger-1', 'Radius', 'Pisiform']): RunFigures {
  const epochs = [epochOf(1), epochOf(2, 31, 640), epochOf(3)];
  return {
    place: `out/${name}`,
    outOfFold: { version: RUN_FIGURES_VERSION, name, namespace: 'default', network: 'UNet', size: 512, classes, images: [...images] },
    curves: { version: RUN_FIGURES_VERSION, folds: [0, 1].map((fold) => ({ fold, epochs })) },
  };
}
