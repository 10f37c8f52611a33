import { describe, expect, it } from 'vitest';
import { instructionSet, parseProcessorFlags, readProcessorFlags } from './processor.ts';

const X64 = `processor\t: 0
model name\t: AMD EPYC
flags\t\t: fpu avx2 avx512f avx512_bf16 rdpid
bugs\t\t: sysret_ss_attrs
flags of others: amx_bf16
processor\t: 1
flags\t\t: fpu avx2
`;

describe('parseProcessorFlags', () => {
  it('finds the flags of the first processor', () => {
    expect(parseProcessorFlags(X64)).toEqual(new Set(['fpu', 'avx2', 'avx512f', 'avx512_bf16', 'rdpid']));
  });

  it.each([
    ['an ARM processor', 'processor\t: 0\nFeatures\t: fp asimd bf16\n'],
    ['nothing', ''],
    ['an empty list of flags', 'flags\t\t:\nbugs\t\t: none\n'],
  ])('finds nothing for %s', (_, text) => {
    expect(parseProcessorFlags(text)).toBeUndefined();
  });
});

it.runIf(process.platform === 'linux' && process.arch === 'x64')('readProcessorFlags reads the flags of this machine', () => {
  expect(readProcessorFlags()).toContain('fpu');
});

describe('instructionSet', () => {
  const avx2 = ['sse4_1', 'avx', 'avx2', 'fma'];
  const avx512 = [...avx2, 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl'];
  it.each([
    ['a processor with AVX2', avx2, undefined, 'AVX2'],
    ['a processor with AVX-512', avx512, undefined, 'AVX512_CORE'],
    ['a processor with a part of AVX-512', [...avx2, 'avx512f'], undefined, 'AVX2'],
    ['a processor with newer instructions but without those between', [...avx512, 'avx512_fp16'], undefined, 'AVX512_CORE'],
    ['a processor with AVX-512 that is limited to AVX2', avx512, 'AVX2', 'AVX2'],
    ['a limit that oneDNN does not know', avx512, 'AVX3', 'AVX512_CORE'],
    ['a processor without these instructions', ['fpu'], undefined, 'unknown'],
    ['unknown flags', undefined, undefined, 'unknown'],
  ])('names the newest that oneDNN uses on %s', (_, flags, limit, name) => {
    expect(instructionSet(flags && new Set(flags), limit)).toBe(name);
  });
});
