import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { ModelName } from '@carpal/configs/schema/experiment.ts';
import { MODEL_NAMES } from '@carpal/configs/schema/learning.ts';
import type { BenchStepRequest } from '../workers/training-step.ts';
import type { Benchmark } from '../harness/case.ts';
import { type Effort, exactly, HALF_EFFORT, WHOLE_EFFORT } from '../harness/effort.ts';
import { besideFastest, type Figure, type NamedFigure, pooled } from '../harness/figure.ts';
import { ownProcess } from '../harness/own-process.ts';
import { tryPytorch } from '../baseline/pytorch-ways.ts';
import { STEP_NOTES } from '../baseline/work-notes.ts';

/** What both sides are asked to do. */
export type StepRequest = BenchStepRequest & { readonly warmup: number; readonly effort: Effort };

/** Where the PyTorch definition of a network is. */
export function peerNetwork(network: string): string {
  return join(import.meta.dirname, '../pytorch/networks', `${network}.py`);
}

/** Throws unless both sides train as many values: otherwise they are not the same network. */
export function checkSameNetwork(network: string, ours: Figure, peers: readonly NamedFigure[]): void {
  const other = peers.find(({ figure }) => figure.parameters !== ours.parameters);
  if (!other) return;
  const what = `${network} trains ${ours.parameters} values here and ${other.figure.parameters} in PyTorch`;
  throw new CarpalError('usage-invalid', what, {
    where: peerNetwork(network),
    fix: 'Make the PyTorch definition that of the registry.',
  });
}

/** What is measured, in words, with what is to be known of the network's comparison. */
function whatOf(network: ModelName, size: number, precision: StepRequest['precision']): string {
  const note = STEP_NOTES[network];
  const what = `a training step of ${network} at ${size} px, 1 in a batch, ${precision}; the peer is PyTorch in the fastest of the ways under All peers`;
  return note === undefined ? what : `${what}; ${note}`;
}

/** One network at one size and precision, beside PyTorch in whichever of the ways tried is fastest for it. */
const step = (network: ModelName, size: number, precision: StepRequest['precision']): Benchmark => ({
  name: `step-${network}-${size}${precision === 'float32' ? '' : `-${precision}`}`,
  item: 'image',
  what: whatOf(network, size, precision),
  goal: precision === 'float32' ? 0.9 : 1.05,
  memoryGoal: 1.2,
  run: async (bench) => {
    if (!existsSync(peerNetwork(network))) {
      const fix = `Write ${network} for PyTorch, as bench/pytorch/networks/__init__.py says.`;
      throw new CarpalError('usage-invalid', `${network} has no PyTorch definition to compare with`, {
        where: peerNetwork(network),
        fix,
      });
    }
    // Wide networks take half a minute for a step at 512 px.
    const warmup = size > 256 ? 1 : 2;
    const asked = { network, size, count: 1, classes: bench.classes.length, precision, warmup };
    const half = (effort: Effort): Promise<Figure> => ownProcess('step-main.ts', { ...asked, effort } satisfies StepRequest);
    // Before the peer and after it, and as often: a machine that grows slower meanwhile widens the spread and leaves the ratio.
    const before = await half(HALF_EFFORT);
    const { peers, refused } = await tryPytorch(bench, { ...asked, effort: WHOLE_EFFORT });
    const ours = pooled([before, await half(exactly(before.seconds.length))]);
    checkSameNetwork(network, ours, peers);
    return { ...besideFastest(ours, peers), ...(refused.length === 0 ? {} : { refused }) };
  },
});

/** Every network of the registry at both sizes and precisions. */
export const STEPS: readonly Benchmark[] = [256, 512].flatMap((size) =>
  (['float32', 'bfloat16'] as const).flatMap((precision) => MODEL_NAMES.map((network) => step(network, size, precision))),
);
