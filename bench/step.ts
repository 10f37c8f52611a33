import { availableParallelism } from 'node:os';
import type { Benchmark } from './benchmark.ts';
import { type Figure, millisecondsPerItem } from './figure.ts';
import { ownProcess } from './own-process.ts';

/** What both sides are asked to do. */
export type StepRequest = {
  readonly network: string;
  readonly size: number;
  readonly count: number;
  readonly classes: number;
  readonly precision: 'float32' | 'bfloat16';
  readonly warmup: number;
  readonly repetitions: number;
};

const faster = (a: Figure, b: Figure): Figure => (millisecondsPerItem(a).median <= millisecondsPerItem(b).median ? a : b);

/** One network at one size and precision, beside PyTorch in whichever memory layout is faster for it. */
const step = (network: string, size: number, count: number, precision: StepRequest['precision'], goal: number): Benchmark => ({
  name: `step-${network}-${size}${precision === 'float32' ? '' : `-${precision}`}`,
  item: 'image',
  what: `a training step of ${network} at ${size} px, ${count} in a batch, ${precision}; the peer is PyTorch in its better layout`,
  goal,
  run: async ({ classes, pytorch }) => {
    const request = { network, size, count, classes: classes.length, precision, warmup: 2, repetitions: size > 256 ? 3 : 7 };
    const ours = await ownProcess('step-main.ts', request);
    const asked = (layout: string) => pytorch.step({ ...request, layout, threads: availableParallelism() });
    const peer = faster(await asked('contiguous'), await asked('channels_last'));
    return { ours, peer };
  },
});

export const STEPS: readonly Benchmark[] = [
  step('UNet', 256, 1, 'float32', 0.9),
  step('SlimUNet', 256, 1, 'float32', 0.9),
  step('UNet', 256, 1, 'bfloat16', 1.05),
  step('SlimUNet', 256, 1, 'bfloat16', 1.05),
  step('UNet', 512, 1, 'float32', 0.9),
  step('SlimUNet', 512, 1, 'float32', 0.9),
];
