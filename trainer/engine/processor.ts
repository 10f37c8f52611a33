/** The processor of this machine: its flags, and the instruction set that oneDNN uses on it. */
import { readFileSync } from 'node:fs';

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

/** oneDNN's names of instruction sets, each with the flags that it adds to those of the set before. */
const INSTRUCTION_SETS: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ['SSE41', ['sse4_1']],
  ['AVX', ['avx']],
  ['AVX2', ['avx2']],
  ['AVX512_CORE', ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl']],
  ['AVX512_CORE_VNNI', ['avx512_vnni']],
  ['AVX512_CORE_BF16', ['avx512_bf16']],
  ['AVX512_CORE_FP16', ['avx512_fp16']],
  ['AVX512_CORE_AMX', ['amx_tile', 'amx_int8', 'amx_bf16']],
];

/**
 * The newest of oneDNN's instruction sets that a processor with these flags has. `limit` is the name of the newest one that may be used; an
 * unknown name limits nothing, as in oneDNN. `unknown` if the flags are not known or have none of the sets.
 */
export function instructionSet(flags: ReadonlySet<string> | undefined, limit?: string): string {
  const limited = INSTRUCTION_SETS.findIndex(([name]) => name === limit);
  const allowed = limited < 0 ? INSTRUCTION_SETS : INSTRUCTION_SETS.slice(0, limited + 1);
  const missing = allowed.findIndex(([, needed]) => !needed.every((flag) => flags?.has(flag)));
  const available = missing < 0 ? allowed : allowed.slice(0, missing);
  return available.at(-1)?.[0] ?? 'unknown';
}
