import { describe, expect, it } from 'vitest';
import { continuedSinceEarlier, modelInEarlierForm, optionsSinceEarlier } from './earlier-options.ts';
import type { ModelOptions, ModelSpec } from './experiment.ts';
import { modelSchema } from './learning.ts';

const of = (name: ModelSpec['name'], options: ModelOptions): { model: ModelSpec } => ({ model: { name, options } });
const custom = (options: ModelOptions) => of('CustomUNet', options);

describe('a CustomUNet of version 0.1, which names no variant', () => {
  it('is improved, and other networks and named variants stay as they are', () => {
    expect(optionsSinceEarlier('CustomUNet', { width: 8 })).toEqual({ width: 8, variant: 'improved' });
    expect(optionsSinceEarlier('CustomUNet', { variant: 'published' })).toEqual({ variant: 'published' });
    expect(optionsSinceEarlier('SegFormer', { divisor: 2 })).toEqual({ divisor: 2 });
  });

  it('is what improved is written as for version 0.1, which had no published one', () => {
    expect(modelInEarlierForm(custom({ width: 8, variant: 'improved' }).model)).toEqual(custom({ width: 8 }).model);
    const others = [custom({ width: 8, variant: 'published' }), of('HRNet', { variant: 'W18' })];
    for (const { model } of others) expect(modelInEarlierForm(model)).toBe(model);
  });

  it('is continued as improved, although the manifest means published today', () => {
    const now = custom({ width: 8, variant: 'published' });
    const improved = custom({ width: 8, variant: 'improved' });
    expect(continuedSinceEarlier(custom({ width: 8 }), now)).toEqual({ begun: improved, now: improved });
  });

  it('does not change an experiment that began with a variant, or with another network', () => {
    const cases = [
      [custom({ variant: 'improved' }), custom({ variant: 'published' })],
      [of('UNet', {}), custom({ variant: 'published' })],
      [custom({}), of('UNet', {})],
    ] as const;
    for (const [begun, now] of cases) expect(continuedSinceEarlier(begun, now)).toEqual({ begun, now });
  });
});

describe('a pretrained encoder', () => {
  it('that is trained like the rest of the network is written as for version 0.1, which had no other way', () => {
    const model = (training: object): ModelSpec => modelSchema.parse({ name: 'HRNet', pretrained: { uri: 'a', ...training } });
    expect(modelInEarlierForm(model({})).pretrained).toEqual({ uri: 'a' });
    const others = [model({ learningRateFactor: 0.1 }), model({ layerDecay: 0.9 }), model({ frozenEpochs: 1 })];
    for (const other of others) expect(modelInEarlierForm(other)).toBe(other);
  });

  it('of a run that version 0.1 began continues as one that is trained like the rest of the network', () => {
    const now = { model: modelSchema.parse({ name: 'HRNet', pretrained: { uri: 'a' } }) };
    const begun = { model: modelInEarlierForm(now.model) as ModelSpec };
    expect(begun).not.toEqual(now);
    expect(continuedSinceEarlier(begun, now)).toEqual({ begun: now, now });
  });
});
