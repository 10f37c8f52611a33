import type { StandaloneCase } from '../harness/case.ts';
import type { Measure } from '../harness/goals.ts';
import { runWorker } from '../harness/processes.ts';
import type { StepRequest } from '../workers/training-step.ts';

const STEPS = { early: 200, all: 2000 } as const;
/** Memory is sampled over this many steps before each measurement. */
const WINDOW = 50;

/** The request to workers/memory-growth-main.ts. */
export type GrowthRequest = StepRequest & { readonly steps: { readonly early: number; readonly all: number }; readonly window: number };

/** The memory that a process holds. */
export type Holdings = { readonly rssMb: number; readonly tensors: number };

/** The growth between an early measurement and a late one. */
export function growthMeasures(early: Holdings, late: Holdings): readonly Measure[] {
  return [
    { what: `tensors after step ${STEPS.early}`, value: early.tensors, unit: '' },
    { what: '  growth until the end', value: late.tensors - early.tensors, unit: '', atMost: 0 },
    { what: `resident memory after step ${STEPS.early}`, value: early.rssMb, unit: 'MB' },
    { what: '  growth until the end', value: 100 * (late.rssMb / early.rssMb - 1), unit: '%', atMost: 5 },
  ];
}

export const steps2000: StandaloneCase = {
  name: 'steps-2000',
  what: `memory growth over ${STEPS.all} recorded steps of SlimUNet at 128 px, batches of 1, in one process`,
  run: async ({ classes }) => {
    const step = { network: 'SlimUNet', size: 128, count: 1, classes: classes.length, precision: 'float32' } as const;
    const request: GrowthRequest = { ...step, steps: STEPS, window: WINDOW };
    const { early, late } = await runWorker<{ early: Holdings; late: Holdings }>('memory-growth-main.ts', request);
    return growthMeasures(early, late);
  },
};
