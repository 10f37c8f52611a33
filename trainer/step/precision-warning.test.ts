import { describe, expect, it } from 'vitest';
import type { Precision } from '../engine/graph/session-config.ts';
import { parseProcessorFlags, precisionWarning, readProcessorFlags } from './precision-warning.ts';

const [plain, avx512, amx] = [['fpu', 'avx512f'], ['avx512_bf16'], ['amx_tile', 'amx_bf16']].map((flags) => new Set(flags));

it.each<[Precision, string, Set<string> | undefined, RegExp | undefined]>([
  [
    'bfloat16',
    'a processor without bfloat16 instructions',
    plain,
    /neither avx512_bf16 nor amx_bf16: .* longer than in float32; set training\.precision: float32$/,
  ],
  ['bfloat16', 'a processor with AVX-512 bfloat16', avx512, undefined],
  ['bfloat16', 'a processor with AMX bfloat16', amx, undefined],
  ['bfloat16', 'an unknown processor', undefined, undefined],
  ['float16', 'any processor', amx, /^float16 needs a GPU/],
  ['float32', 'any processor', plain, undefined],
])('precisionWarning warns of %s on %s only if hardware support is missing', (precision, _, flags, warning) => {
  const found = precisionWarning(precision, { hasGpu: false, flags });
  if (warning) expect(found).toMatch(warning);
  else expect(found).toBeUndefined();
  expect(precisionWarning(precision, { hasGpu: true, flags })).toBeUndefined();
});

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
