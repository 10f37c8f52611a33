import { describe, expect, it } from 'vitest';
import type { Bench } from '../harness/case.ts';
import { exactly } from '../harness/effort.ts';
import { tryPytorch } from './pytorch-ways.ts';

type Asked = { readonly layout: string; readonly compile: boolean };
const REQUEST = { network: 'UNet', size: 512, count: 1, classes: 29, precision: 'bfloat16', warmup: 1, effort: exactly(1) } as const;
const FIGURE = { seconds: [1], items: 1 };

/** PyTorch that refuses some of what it is asked for. */
function pytorchThat(refuses: (asked: Asked) => boolean): { pytorch: Bench['pytorch']; asked: Asked[] } {
  const asked: Asked[] = [];
  const never = () => Promise.reject(new Error('nobody asks for this'));
  const step = async (request: unknown) => {
    const { layout, compile } = request as Asked;
    asked.push({ layout, compile });
    if (refuses({ layout, compile })) throw new Error('refused');
    return FIGURE;
  };
  return { asked, pytorch: { step, epoch: never, infer: never, python: () => 'python' } };
}

describe('the ways of PyTorch', () => {
  it('are both layouts, each as it is and compiled, at every size and precision', async () => {
    const { pytorch, asked } = pytorchThat(() => false);
    const { peers, refused } = await tryPytorch({ pytorch, quick: false }, REQUEST);
    expect(peers.map(({ name }) => name)).toEqual(['NCHW', 'channels_last', 'torch.compile', 'torch.compile, channels_last']);
    expect(refused).toEqual([]);
    expect(asked).toEqual([false, true].flatMap((compile) => ['contiguous', 'channels_last'].map((layout) => ({ layout, compile }))));
  });

  it('are not compiled in a quick run', async () => {
    const { pytorch, asked } = pytorchThat(() => false);
    const { peers, refused } = await tryPytorch({ pytorch, quick: true }, REQUEST);
    expect([peers.length, refused, asked.some(({ compile }) => compile)]).toEqual([2, [], false]);
  });

  it('that a compiler refuses are named, and plain PyTorch has to work', async () => {
    const compilers = pytorchThat(({ compile, layout }) => compile && layout === 'channels_last');
    const tried = await tryPytorch({ pytorch: compilers.pytorch, quick: false }, REQUEST);
    expect(tried).toMatchObject({ peers: [{}, {}, { name: 'torch.compile' }], refused: ['torch.compile, channels_last'] });
    await expect(tryPytorch({ pytorch: pytorchThat(({ compile }) => !compile).pytorch, quick: false }, REQUEST)).rejects.toThrow('refused');
  });
});
