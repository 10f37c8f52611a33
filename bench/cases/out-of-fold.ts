import type { StandaloneCase } from '../harness/case.ts';
import type { Measure } from '../harness/goals.ts';
import { preparedPhantoms } from '../harness/phantoms.ts';
import { runWorker } from '../harness/processes.ts';

const SIZE = 1024;
const IMAGES = 160;
/** Images that are predicted again and again, so that their logits fit into memory. */
const DIFFERENT = 8;

/** The request to workers/out-of-fold-main.ts. */
export type OutOfFoldRequest = {
  readonly prepared: string;
  readonly size: number;
  readonly images: number;
  readonly different: number;
};

/** What a process needs for the out-of-fold files of its images, and the memory that it held after a quarter of them and at the end. */
export type OutOfFoldUse = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly earlyMb: number;
  readonly lateMb: number;
};

/** The figures of 160 images, with the goals of a machine with two cores. */
export function outOfFoldMeasures({ seconds, cpuSeconds, earlyMb, lateMb }: OutOfFoldUse): readonly Measure[] {
  return [
    { what: `${IMAGES} images`, value: seconds, unit: 's', atMost: 60 },
    { what: '  per image', value: seconds / IMAGES, unit: 's' },
    { what: '  processor time per image', value: cpuSeconds / IMAGES, unit: 's' },
    { what: `resident memory after ${IMAGES / 4} images`, value: earlyMb, unit: 'MB' },
    { what: '  growth until the end', value: 100 * (lateMb / earlyMb - 1), unit: '%', atMost: 10 },
  ];
}

/** A network that costs nothing but copying its answer: the masks and thresholds are what is measured. */
export const outOfFold1024: StandaloneCase = {
  name: `out-of-fold-${SIZE}`,
  what: `out-of-fold masks, thresholds and calibration of ${IMAGES} images at 2048² from logits at ${SIZE} px, 29 classes`,
  run: async (input) => {
    const { folder } = await preparedPhantoms(input, SIZE);
    const request: OutOfFoldRequest = { prepared: folder, size: SIZE, images: IMAGES, different: DIFFERENT };
    return outOfFoldMeasures(await runWorker<OutOfFoldUse>('out-of-fold-main.ts', request));
  },
};
