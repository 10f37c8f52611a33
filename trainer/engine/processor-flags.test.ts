import { describe, expect, it } from 'vitest';
import { parseProcessorFlags, readProcessorFlags } from './processor-flags.ts';

const X64 = `processor\t: 0
model name\t: AMD EPYC
flags\t\t: fpu avx2 avx512f avx512_bf16 rdpid
bugs\t\t: sysret_ss_attrs
flags of nobody: amx_bf16

processor\t: 1
flags\t\t: fpu avx2
`;

describe('parseProcessorFlags', () => {
  it('finds what the first processor can do', () => {
    expect(parseProcessorFlags(X64)).toEqual(new Set(['fpu', 'avx2', 'avx512f', 'avx512_bf16', 'rdpid']));
  });

  it.each([
    ['an ARM processor', 'processor\t: 0\nFeatures\t: fp asimd bf16\n'],
    ['nothing', ''],
    ['flags without a word', 'flags\t\t:\nbugs\t\t: none\n'],
  ])('knows nothing from %s', (_, text) => {
    expect(parseProcessorFlags(text)).toBeUndefined();
  });
});

it.runIf(process.platform === 'linux' && process.arch === 'x64')('this machine is asked', () => {
  expect(readProcessorFlags()).toContain('fpu');
});
