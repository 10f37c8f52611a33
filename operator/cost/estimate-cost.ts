/** What an experiment will cost: hours of its folds times what nodes cost. Pure arithmetic; where its numbers come from is told beside them. */
import type { Environment, NodeShape } from '@carpal/configs/environment.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { makespan } from '../experiment/makespan.ts';
import { cheapest, type FoldPrice } from './fitting-node.ts';
import { type FoldImages, type FoldWork, foldWork, type StepPace } from './fold-work.ts';

export type FoldCost = FoldImages &
  FoldWork & { readonly gpuHours: number; readonly onDemand: number | undefined; readonly spot: number | undefined };

export type CostEstimate = {
  readonly environment: string;
  readonly currency: string;
  readonly pace: StepPace;
  readonly onDemand: FoldPrice | undefined;
  readonly spot: FoldPrice | undefined;
  readonly folds: readonly FoldCost[];
  readonly total: Pick<FoldCost, 'steps' | 'validations' | 'hours' | 'gpuHours' | 'onDemand' | 'spot'>;
  /** Hours until the last fold is trained with run.parallelism at a time. */
  readonly wallClockHours: number;
};

/** Prices of all nodes given that have room for a fold; the cheapest counts. `folds` are those that the experiment trains. */
export function estimateCost(
  spec: ExperimentSpec,
  folds: readonly FoldImages[],
  pace: StepPace,
  environment: Environment,
  nodes: readonly NodeShape[],
): CostEstimate {
  const onDemand = cheapest(nodes, spec.placement, 'onDemand');
  const spot = cheapest(nodes, spec.placement, 'spot');
  const times = (hours: number, price: FoldPrice | undefined): number | undefined =>
    price === undefined ? undefined : hours * price.perFoldHour;
  const rows = folds.map((images): FoldCost => {
    const work = foldWork(spec.training, images, pace);
    const { hours } = work;
    return { ...images, ...work, gpuHours: hours * spec.placement.gpus, onDemand: times(hours, onDemand), spot: times(hours, spot) };
  });
  const sum = (of: (row: FoldCost) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const hours = sum((row) => row.hours);
  return {
    environment: environment.name,
    currency: environment.currency,
    pace,
    onDemand,
    spot,
    folds: rows,
    total: {
      steps: sum((row) => row.steps),
      validations: sum((row) => row.validations),
      hours,
      gpuHours: sum((row) => row.gpuHours),
      onDemand: times(hours, onDemand),
      spot: times(hours, spot),
    },
    wallClockHours: makespan(
      rows.map((row) => row.hours),
      spec.run.parallelism,
    ),
  };
}
