/**
 * What an experiment will cost: the hours of its folds times the prices of nodes. Pure arithmetic; the caller reports where the numbers
 * come from.
 */
import type { Environment, NodeShape, Price } from '@carpal/configs/environment.ts';
import { quantityValue } from '@carpal/configs/quantity.ts';
import type { ExperimentSpec, PlacementSpec } from '@carpal/configs/schema/experiment.ts';
import { makespan } from '../experiment/makespan.ts';
import { type FoldImages, type FoldWork, foldWork, type StepTimes } from './fold-time.ts';

/** A price for one fold for one hour: the price of the node, divided by the number of folds that fit on it. */
export type FoldPrice = {
  readonly instanceType: string;
  readonly foldsPerNode: number;
  readonly perFoldHour: number;
  readonly price: Price;
};

export type FoldCost = FoldImages &
  FoldWork & { readonly gpuHours: number; readonly onDemand: number | undefined; readonly spot: number | undefined };

export type CostEstimate = {
  readonly environment: string;
  readonly currency: string;
  readonly pace: StepTimes;
  readonly onDemand: FoldPrice | undefined;
  readonly spot: FoldPrice | undefined;
  readonly folds: readonly FoldCost[];
  readonly total: Pick<FoldCost, 'steps' | 'validations' | 'hours' | 'gpuHours' | 'onDemand' | 'spot'>;
  /** Hours until the last fold is trained, with run.parallelism folds at a time. */
  readonly wallClockHours: number;
};

/** How many folds fit on a node; 0 if a fold does not fit. A fold without GPUs never uses a node with GPUs. */
export function foldsPerNode(node: NodeShape, { gpus, cpu, memory }: PlacementSpec): number {
  if (gpus === 0 && node.gpus > 0) return 0;
  const byGpus = gpus === 0 ? Number.POSITIVE_INFINITY : node.gpus / gpus;
  const byCpu = quantityValue(node.allocatable.cpu) / quantityValue(cpu);
  const byMemory = quantityValue(node.allocatable.memory) / quantityValue(memory);
  return Math.floor(Math.min(byGpus, byCpu, byMemory) + 1e-9);
}

/** The nodes on which a fold fits. */
export function fittingNodes({ nodes }: Environment, placement: PlacementSpec): readonly NodeShape[] {
  return nodes.filter((node) => foldsPerNode(node, placement) > 0);
}

/** The cheapest node for one fold; undefined if no node has a price of that kind. If two nodes have the same price, the smaller one. */
export function cheapest(nodes: readonly NodeShape[], placement: PlacementSpec, kind: 'onDemand' | 'spot'): FoldPrice | undefined {
  const offers = nodes.flatMap((node): FoldPrice[] => {
    const price = node[kind];
    const folds = foldsPerNode(node, placement);
    if (price === undefined || folds === 0) return [];
    return [{ instanceType: node.instanceType, foldsPerNode: folds, perFoldHour: price.perHour / folds, price }];
  });
  return offers.toSorted((a, b) => a.perFoldHour - b.perFoldHour || a.foldsPerNode - b.foldsPerNode)[0];
}

/** The cost with the cheapest of `nodes` on which a fold fits. `folds` are those that the experiment trains. */
export function estimateCost(
  spec: ExperimentSpec,
  folds: readonly FoldImages[],
  times: StepTimes,
  environment: Environment,
  nodes: readonly NodeShape[],
): CostEstimate {
  const onDemand = cheapest(nodes, spec.placement, 'onDemand');
  const spot = cheapest(nodes, spec.placement, 'spot');
  const costOf = (hours: number, price: FoldPrice | undefined): number | undefined =>
    price === undefined ? undefined : hours * price.perFoldHour;
  const rows = folds.map((images): FoldCost => {
    const work = foldWork(spec.training, images, times);
    const { hours } = work;
    return { ...images, ...work, gpuHours: hours * spec.placement.gpus, onDemand: costOf(hours, onDemand), spot: costOf(hours, spot) };
  });
  const sum = (of: (row: FoldCost) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const hours = sum((row) => row.hours);
  return {
    environment: environment.name,
    currency: environment.currency,
    pace: times,
    onDemand,
    spot,
    folds: rows,
    total: {
      steps: sum((row) => row.steps),
      validations: sum((row) => row.validations),
      hours,
      gpuHours: sum((row) => row.gpuHours),
      onDemand: costOf(hours, onDemand),
      spot: costOf(hours, spot),
    },
    wallClockHours: makespan(
      rows.map((row) => row.hours),
      spec.run.parallelism,
    ),
  };
}
