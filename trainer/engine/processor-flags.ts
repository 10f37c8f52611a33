import { readFileSync } from 'node:fs';

/** What the first processor in the text of Linux's /proc/cpuinfo can do, in the kernel's words; undefined where it lists nothing (ARM's lists "Features"). */
export function parseProcessorFlags(cpuinfo: string): ReadonlySet<string> | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim();
  return flags ? new Set(flags.split(/\s+/)) : undefined;
}

/** The same of this machine; undefined where that cannot be known, as on any system but Linux. */
export function readProcessorFlags(): ReadonlySet<string> | undefined {
  try {
    return parseProcessorFlags(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return undefined;
  }
}
