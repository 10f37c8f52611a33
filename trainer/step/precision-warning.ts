import type { Precision } from '../engine/graph/session-config.ts';

export type Processor = {
  readonly hasGpu: boolean;
  /** The flags in /proc/cpuinfo; undefined if they are not known. */
  readonly flags: ReadonlySet<string> | undefined;
};

/** Instructions that multiply bfloat16, by their names in /proc/cpuinfo. */
const BFLOAT16 = ['avx512_bf16', 'amx_bf16'];

/**
 * The warning for a precision that this machine has no instructions for. Undefined if it has them or if that is not known. Without bfloat16
 * instructions oneDNN emulates them: a step takes twice as long as in float32 with AVX-512, and seven times as long or longer without
 * AVX-512 (docs/adr/0006).
 */
export function precisionWarning(precision: Precision, { hasGpu, flags }: Processor): string | undefined {
  if (hasGpu) return undefined;
  if (precision === 'float16') return 'float16 needs a GPU; this machine computes in float32';
  if (precision !== 'bfloat16' || flags === undefined || BFLOAT16.some((flag) => flags.has(flag))) return undefined;
  const lacks = `this processor has neither ${BFLOAT16.join(' nor ')}`;
  return `${lacks}: bfloat16 is emulated, and a step takes longer than in float32; set training.precision: float32`;
}
