import { expect, it } from 'vitest';
import type { Precision } from '../engine/graph/session-config.ts';
import { precisionWarning } from './precision-warning.ts';

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
