import { readFileSync } from 'node:fs';
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

/**
 * The flags of the first processor in the text of Linux's /proc/cpuinfo; undefined without a list of flags (ARM has "Features" instead).
 */
export function parseProcessorFlags(cpuinfo: string): ReadonlySet<string> | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim();
  return flags ? new Set(flags.split(/\s+/)) : undefined;
}

/** The processor flags of this machine; undefined if they are not known, as on systems other than Linux. */
export function readProcessorFlags(): ReadonlySet<string> | undefined {
  try {
    return parseProcessorFlags(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return undefined;
  }
}
