import { availableParallelism } from 'node:os';
import { messageOf } from '@carpal/configs/errors.ts';
import type { Bench } from '../harness/case.ts';
import type { NamedFigure } from '../harness/figure.ts';
import type { StepRequest } from '../cases/step.ts';

/** The ways in which PyTorch is run. What compiling takes is spent in steps that do not count. */
const WAYS = [
  { name: 'NCHW', layout: 'contiguous', compile: false },
  { name: 'channels_last', layout: 'channels_last', compile: false },
  { name: 'torch.compile', layout: 'contiguous', compile: true },
  { name: 'torch.compile, channels_last', layout: 'channels_last', compile: true },
] as const;

/** What became of the ways that were tried: figures of those that work, and the names of those that do not. */
type Tried = { readonly peers: readonly NamedFigure[]; readonly refused: readonly string[] };

/** Tries every way; without compilers where the bench is quick. Compilers refuse some networks; plain PyTorch has to work. */
export async function tryPytorch({ pytorch, quick }: Pick<Bench, 'pytorch' | 'quick'>, request: StepRequest): Promise<Tried> {
  const peers: NamedFigure[] = [];
  const refused: string[] = [];
  for (const { name, layout, compile } of WAYS.filter((way) => !(quick && way.compile))) {
    try {
      const figure = await pytorch.step({ ...request, layout, compile, threads: availableParallelism() });
      peers.push({ name, figure });
    } catch (error) {
      if (!compile) throw error;
      refused.push(name);
      process.stderr.write(`  ${name} does not work for ${request.network}: ${messageOf(error)}\n`);
    }
  }
  return { peers, refused };
}
