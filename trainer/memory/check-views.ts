import { CarpalError } from '@carpal/configs/errors.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { areMirrors } from '../infer/tta.ts';
import { squareSizeOf, type Viewing, viewingOf } from '../infer/viewing.ts';
import { PROCESS_MB } from './memory-estimate.ts';
import type { MemoryLimit } from './memory-limit.ts';
import { gigabytes } from './too-large.ts';

/**
 * Memory in MB of the logits that are alive while so many networks look at one image (image-logits.ts): each keeps a map for every mirrored
 * view, or one for all views and windows; where several views are added up, that of the largest lies beside the sum.
 */
export function viewsMemoryMb(viewing: Viewing, inputSize: number, classes: number, networks: number): number {
  const { views, window, scale } = viewing;
  const mapMb = (side: number): number => (side * side * classes * 4) / 2 ** 20;
  const square = squareSizeOf(viewing, inputSize);
  if (!window && areMirrors(views)) return networks * views.length * mapMb(square);
  const largest = views.includes('scaleUp') ? square * (1 + scale) : square;
  return networks * mapMb(square) + (views.length > 1 ? mapMb(largest) : 0);
}

/**
 * Throws `memory-too-small` where the logits of one image alone are more than the process may use. It is asked for before anything is trained:
 * images are looked at in views and windows only when a fold has ended.
 */
export function checkViews(spec: ExperimentSpec, classes: number, networks: number, limit: MemoryLimit): void {
  const neededMb = PROCESS_MB + viewsMemoryMb(viewingOf(spec.inference), spec.input.size, classes, networks);
  const limitMb = limit.bytes / 2 ** 20;
  if (neededMb <= limitMb) return;
  const by = networks === 1 ? 'one network' : `${networks} networks`;
  const needs = `what ${by} say${networks === 1 ? 's' : ''} of an image takes ${gigabytes(neededMb)} of memory, with the process`;
  throw new CarpalError('memory-too-small', `${needs}; the limit is ${gigabytes(limitMb)} (of ${limit.from})`, {
    where: spec.inference.window ? 'spec.inference.window.sheetSize, spec.inference.tta' : 'spec.inference.tta, spec.input.size',
    fix: `Look at smaller sheets or in fewer views${networks === 1 ? '' : ', or set ensemble.method: hard, which takes one network at a time'}; or give more memory.`,
  });
}
