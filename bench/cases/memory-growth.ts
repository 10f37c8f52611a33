import type { BenchStepRequest } from '../workers/training-step.ts';
import type { AloneBenchmark } from '../harness/case.ts';
import type { Measure } from '../harness/measures.ts';
import { ownProcess } from '../harness/own-process.ts';

const STEPS = { early: 200, all: 2000 } as const;
/** Memory is looked at over the last so many steps before each of these. */
const WINDOW = 50;

/** What flat-main.ts is asked to do. */
export type FlatRequest = BenchStepRequest & { readonly steps: { readonly early: number; readonly all: number }; readonly window: number };

/** What a process holds. */
export type Holdings = { readonly rssMb: number; readonly tensors: number };

/** What grew between an early look and a late one. */
export function flatMeasures(early: Holdings, late: Holdings): readonly Measure[] {
  return [
    { what: `tensors after step ${STEPS.early}`, value: early.tensors, unit: '' },
    { what: '  more of them at the end', value: late.tensors - early.tensors, unit: '', atMost: 0 },
    { what: `resident memory after step ${STEPS.early}`, value: early.rssMb, unit: 'MB' },
    { what: '  more of it at the end', value: 100 * (late.rssMb / early.rssMb - 1), unit: '%', atMost: 5 },
  ];
}

/** Whether a long training stays within what it took at first. */
export const steps2000: AloneBenchmark = {
  name: 'steps-2000',
  what: `${STEPS.all} recorded steps of SlimUNet at 128 px, 1 in a batch, in one process`,
  run: async ({ classes }) => {
    const step = { network: 'SlimUNet', size: 128, count: 1, classes: classes.length, precision: 'float32' } as const;
    const { early, late } = await ownProcess<{ early: Holdings; late: Holdings }>('flat-main.ts', {
      ...step,
      steps: STEPS,
      window: WINDOW,
    } satisfies FlatRequest);
    return flatMeasures(early, late);
  },
};
