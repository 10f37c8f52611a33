import { describe, expect, it } from 'vitest';
import { onOneCore, wholeProcess } from './processes.ts';

const node = (script: string): readonly string[] => [process.execPath, '--eval', script];

describe('wholeProcess', () => {
  it('measures time, CPU time and peak memory', async () => {
    const script = 'Buffer.alloc(200 * 2 ** 20, 1); const end = Date.now() + 300; while (Date.now() < end);';
    const { seconds, cpuSeconds, peakMb } = await wholeProcess(onOneCore(node(script)));
    expect(seconds).toBeGreaterThan(0.3);
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(peakMb).toBeGreaterThan(200);
  });

  it('rejects if the command fails', async () => {
    await expect(wholeProcess(node('process.exit(3)'))).rejects.toThrow('ended with status 3');
    await expect(wholeProcess(['/no/such/program'])).rejects.toThrow('ENOENT');
  });
});
