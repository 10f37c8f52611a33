/** Checks before the first image that `carpal predict` fits into memory. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { hasGpu } from '../engine/graph/native-binding.ts';
import type { Network } from '../infer/networks.ts';
import { sidesFor, type Viewing, viewOf, windowFor } from '../infer/views.ts';
import { imagesPerRun } from '../infer/windows.ts';
import { PROCESS_MB, predictionMemoryMb } from './estimate.ts';
import { logitsMemoryMb } from './logits-memory.ts';
import { gigabytes } from './memory-too-small.ts';
import type { MemoryLimit } from './process-memory.ts';

/** How many outputs of earlier runs still exist, until the garbage collector frees them. */
const OLD_OUTPUTS = 2;

/** Memory in MB to predict images with these networks. On a GPU, activations and weights are in the GPU's own memory and do not count. */
export function predictionNeedMb(networks: readonly Network[], viewing: Viewing, isOnGpu = hasGpu()): number {
  const classes = networks[0]?.facts.classes.length ?? 0;
  const logitsMb = logitsMemoryMb(networks, viewing, classes);
  const runs = networks.map((network) => largestRun(network, viewing));
  const hasOneRun = networks.length === 1 && viewing.views.length === 1;
  const outputsMb = runs.map(([count, size]) => (count * size * size * classes * 4) / 2 ** 20);
  const oldMb = hasOneRun ? 0 : OLD_OUTPUTS * Math.max(...outputsMb);
  if (isOnGpu) return PROCESS_MB + logitsMb + oldMb;
  return logitsMb + oldMb + predictionMemoryMb(networks.map(({ predictor }, index) => predictor.estimateMemory(...(runs[index] as Run))));
}

/** Throws `memory-too-small` if predicting needs more memory than the process may use. */
export function checkPredictionFits(networks: readonly Network[], viewing: Viewing, limit: MemoryLimit): void {
  const neededMb = predictionNeedMb(networks, viewing);
  const limitMb = limit.bytes / 2 ** 20;
  if (neededMb <= limitMb) return;
  const count = networks.length === 1 ? 'one network' : `${networks.length} networks`;
  const what = `predicting with ${count} needs about ${gigabytes(neededMb)} of memory; the limit is ${gigabytes(limitMb)} (${limit.from})`;
  const fix = 'Give fewer or smaller networks, windows of a smaller size with --window, or no scaleUp in --tta; or provide more memory.';
  throw new CarpalError('memory-too-small', what, { where: '--weights, --tta, --window', fix });
}

/** The number and the side of the images of a run. */
type Run = readonly [count: number, size: number];

function largestRun(network: Network, viewing: Viewing): Run {
  const window = windowFor(viewing, network);
  if (window) return [imagesPerRun(window.size), window.size];
  const sides = viewing.views.map((name) => viewOf(name, network.imageSize, viewing, sidesFor(viewing, network)).size);
  const size = Math.max(...sides);
  return [Math.min(imagesPerRun(size), sides.length), size];
}
