/** Which of an environment's nodes a fold fits, and what part of the node's price is the fold's. */

import type { Environment, NodeShape, Price } from '@carpal/configs/environment.ts';
import { quantityValue } from '@carpal/configs/quantity.ts';
import type { PlacementSpec } from '@carpal/configs/schema/experiment.ts';

/** A price for one fold for one hour: the node's, divided by the folds that it has room for. */
export type FoldPrice = {
  readonly instanceType: string;
  readonly foldsPerNode: number;
  readonly perFoldHour: number;
  readonly price: Price;
};

/** How many folds a node has room for; 0 where it has not even for one. A node with GPUs is none for a fold without. */
export function foldsPerNode(node: NodeShape, { gpus, cpu, memory }: PlacementSpec): number {
  if (gpus === 0 && node.gpus > 0) return 0;
  const byGpus = gpus === 0 ? Number.POSITIVE_INFINITY : node.gpus / gpus;
  const byCpu = quantityValue(node.allocatable.cpu) / quantityValue(cpu);
  const byMemory = quantityValue(node.allocatable.memory) / quantityValue(memory);
  return Math.floor(Math.min(byGpus, byCpu, byMemory) + 1e-9);
}

/** The nodes that have room for a fold. */
export function fittingNodes({ nodes }: Environment, placement: PlacementSpec): readonly NodeShape[] {
  return nodes.filter((node) => foldsPerNode(node, placement) > 0);
}

/** The cheapest of the nodes for one fold; undefined where none has a price of that kind. The smaller node where two cost the same. */
export function cheapest(nodes: readonly NodeShape[], placement: PlacementSpec, kind: 'onDemand' | 'spot'): FoldPrice | undefined {
  const offers = nodes.flatMap((node): FoldPrice[] => {
    const price = node[kind];
    const folds = foldsPerNode(node, placement);
    if (price === undefined || folds === 0) return [];
    return [{ instanceType: node.instanceType, foldsPerNode: folds, perFoldHour: price.perHour / folds, price }];
  });
  return offers.toSorted((a, b) => a.perFoldHour - b.perFoldHour || a.foldsPerNode - b.foldsPerNode)[0];
}
