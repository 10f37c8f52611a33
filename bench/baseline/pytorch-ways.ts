/** The ways in which PyTorch runs a training step. */
import { availableParallelism } from 'node:os';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type { WayFigure } from '../harness/figure.ts';
import type { PyTorch } from './python.ts';
import { shortcutsOf } from './step-method.ts';

/** Compilation happens in warm-up steps, which are not timed. */
const WAYS = [
  { name: 'NCHW', layout: 'contiguous', compile: false },
  { name: 'channels_last', layout: 'channels_last', compile: false },
  { name: 'torch.compile', layout: 'contiguous', compile: true },
  { name: 'torch.compile, channels_last', layout: 'channels_last', compile: true },
] as const;

export type WaysResult = { readonly ways: readonly WayFigure[]; readonly failedWays: readonly string[] };

/**
 * Measures every way, at every size, precision and batch size; without torch.compile if `quick`. Compilers reject some networks: such a way
 * is listed as failed. Eager PyTorch must work.
 */
export async function measureWays(
  { pytorch, quick }: { readonly pytorch: Pick<PyTorch, 'step'>; readonly quick: boolean },
  request: { readonly network: string } & Readonly<Record<string, unknown>>,
): Promise<WaysResult> {
  const ways: WayFigure[] = [];
  const failedWays: string[] = [];
  for (const { name, layout, compile } of WAYS.filter((way) => !(quick && way.compile))) {
    try {
      const { shortcuts = [], ...figure } = await pytorch.step({ ...request, layout, compile, threads: availableParallelism() });
      checkSameWork(request.network, shortcuts);
      ways.push({ name, figure });
    } catch (error) {
      if (!compile) throw error;
      failedWays.push(name);
      process.stderr.write(`  ${name} failed for ${request.network}: ${messageOf(error)}\n`);
    }
  }
  return { ways, failedWays };
}

/** Throws unless the baseline takes the same shortcuts as carpal: the comparison would not be fair. */
function checkSameWork(network: string, reported: readonly string[]): void {
  const expected = [...shortcutsOf(network)].sort().join(', ');
  const actual = [...reported].sort().join(', ');
  if (expected === actual) return;
  throw new CarpalError('usage-invalid', `${network} in PyTorch takes the shortcuts [${actual}], carpal takes [${expected}]`, {
    where: 'bench/pytorch/shortcuts.py',
    fix: 'Give both sides the same shortcuts, in shortcuts.py and in bench/baseline/step-method.ts.',
  });
}
