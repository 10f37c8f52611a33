import { describe, expect, it } from 'vitest';
import { exactly } from '../harness/measure.ts';
import { measureWays } from './pytorch-ways.ts';
import { shortcutsOf } from './step-method.ts';

type Asked = { readonly layout: string; readonly compile: boolean };
const FIGURE = { seconds: [1], items: 1 };
const shapes = [256, 512].flatMap((size) =>
  (['float32', 'bfloat16'] as const).flatMap((precision) => [1, 2, 4].map((count) => ({ size, precision, count }))),
);
const request = (shape: (typeof shapes)[number] = { size: 512, precision: 'bfloat16', count: 1 }) => ({
  ...{ network: 'UNet', classes: 29, warmup: 1, effort: exactly(1) },
  ...shape,
});

/** A PyTorch that rejects some requests. */
function pytorchThat(rejects: (asked: Asked) => boolean, shortcuts: readonly string[] = shortcutsOf('UNet')) {
  const asked: Asked[] = [];
  const step = async (request: unknown) => {
    const { layout, compile } = request as Asked;
    asked.push({ layout, compile });
    if (rejects({ layout, compile })) throw new Error('rejected');
    return { ...FIGURE, shortcuts };
  };
  return { asked, pytorch: { step } };
}

describe('measureWays', () => {
  it.each(shapes)('tries both layouts, eager and compiled, at %j', async (shape) => {
    const { pytorch, asked } = pytorchThat(() => false);
    const { ways, failedWays } = await measureWays({ pytorch, quick: false }, request(shape));
    expect(ways.map(({ name }) => name)).toEqual(['NCHW', 'channels_last', 'torch.compile', 'torch.compile, channels_last']);
    expect(failedWays).toEqual([]);
    expect(asked).toEqual([false, true].flatMap((compile) => ['contiguous', 'channels_last'].map((layout) => ({ layout, compile }))));
  });

  it('does not compile in a quick run', async () => {
    const { pytorch, asked } = pytorchThat(() => false);
    const { ways, failedWays } = await measureWays({ pytorch, quick: true }, request());
    expect([ways.length, failedWays, asked.some(({ compile }) => compile)]).toEqual([2, [], false]);
  });

  it('lists ways that a compiler rejects, and throws if eager PyTorch fails', async () => {
    const compilers = pytorchThat(({ compile, layout }) => compile && layout === 'channels_last');
    const found = await measureWays({ pytorch: compilers.pytorch, quick: false }, request());
    expect(found).toMatchObject({ ways: [{}, {}, { name: 'torch.compile' }], failedWays: ['torch.compile, channels_last'] });
    const eager = pytorchThat(({ compile }) => !compile);
    await expect(measureWays({ pytorch: eager.pytorch, quick: false }, request())).rejects.toThrow('rejected');
  });

  it('throws if PyTorch does not take the same shortcuts as carpal', async () => {
    const { pytorch } = pytorchThat(() => false, ['grey-stem']);
    await expect(measureWays({ pytorch, quick: true }, request())).rejects.toThrow(
      'UNet in PyTorch takes the shortcuts [grey-stem], carpal takes [grey-stem, no-bias-before-norm]',
    );
  });

  it('does not include the shortcuts in the figure', async () => {
    const { ways } = await measureWays({ pytorch: pytorchThat(() => false).pytorch, quick: true }, request());
    expect(ways.map(({ figure }) => figure)).toEqual([FIGURE, FIGURE]);
  });
});
