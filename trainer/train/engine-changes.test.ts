import type { EngineIdentity } from '@carpal/artifacts/checkpoint-record.ts';
import { describe, expect, it } from 'vitest';
import { engineWarning, withEngine } from './engine-changes.ts';

const engine = (changes: Partial<EngineIdentity> = {}): EngineIdentity => ({
  threads: 2,
  instructions: 'AVX2',
  build: 'TensorFlow 2.18.1, tfjs-node 4.22.0',
  device: 'CPU',
  ...changes,
});

describe('the warning about the engines of a fold', () => {
  it('is absent for one engine, and for none, as in old checkpoints', () => {
    expect(engineWarning([engine()])).toBeUndefined();
    expect(engineWarning([])).toBeUndefined();
  });

  it('names only what differs, in the order of use', () => {
    expect(engineWarning([engine(), engine({ threads: 4 }), engine({ threads: 7, instructions: 'AVX512_CORE' })])).toMatch(
      /: threads 2, then 4, then 7; instruction set AVX2, then AVX512_CORE$/,
    );
    expect(engineWarning([engine({ device: 'Tesla V100' }), engine({ device: 'NVIDIA L4' })])).toMatch(
      /: device Tesla V100, then NVIDIA L4$/,
    );
  });
});

describe('the engines of a fold', () => {
  it('are each listed once', () => {
    const both = withEngine(withEngine([], engine()), engine({ threads: 4 }));
    expect(both.map(({ threads }) => threads)).toEqual([2, 4]);
    expect(withEngine(both, engine())).toEqual(both);
  });

  it('are bounded, whatever a fold has wandered through', () => {
    let engines: readonly EngineIdentity[] = [];
    for (let threads = 1; threads <= 50; threads++) engines = withEngine(engines, engine({ threads }));
    expect(engines.length).toBe(16);
    expect(engines.at(-1)?.threads).toBe(50);
  });
});
