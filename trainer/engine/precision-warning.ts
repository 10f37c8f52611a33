import type { Precision } from './graph/session-config.ts';

export type Processor = {
  readonly hasGpu: boolean;
  /** In the words of /proc/cpuinfo; undefined where they cannot be known. */
  readonly flags: ReadonlySet<string> | undefined;
};

/** Instructions that multiply bfloat16, as /proc/cpuinfo calls them. */
const BFLOAT16 = ['avx512_bf16', 'amx_bf16'];

/**
 * What to say of a precision that this machine has no instructions for; undefined where it has them or nobody knows. Without those for bfloat16
 * oneDNN emulates them: a step takes twice as long as in float32 where there is AVX-512, and seven times and more where there is not
 * (docs/adr/0006).
 */
export function precisionWarning(precision: Precision, { hasGpu, flags }: Processor): string | undefined {
  if (hasGpu) return undefined;
  if (precision === 'float16') return 'float16 needs a GPU; this machine computes in float32';
  if (precision !== 'bfloat16' || flags === undefined || BFLOAT16.some((flag) => flags.has(flag))) return undefined;
  const lacks = `this processor has neither ${BFLOAT16.join(' nor ')}`;
  return `${lacks}: bfloat16 is emulated, and a step takes longer than in float32; set training.precision: float32`;
}
