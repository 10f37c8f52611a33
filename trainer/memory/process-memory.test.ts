import { describe, expect, it } from 'vitest';
import { heldMemoryMb, processMemoryMb } from './process-memory.ts';

describe.runIf(process.platform === 'linux')('processMemoryMb', () => {
  it('tells what this process holds, what of it is its own, and the most that it has held', () => {
    const [now = 0, most = 0, own = 0] = (['VmRSS', 'VmHWM', 'RssAnon'] as const).map((figure) => processMemoryMb('self', figure));
    expect(now).toBeGreaterThan(10);
    expect(most).toBeGreaterThan(10);
    expect(own).toBeGreaterThan(1);
    expect(own).toBeLessThan(most);
  });

  it('knows nothing of a process that is not there', () => {
    expect(processMemoryMb(0, 'VmRSS')).toBeUndefined();
  });
});

it('some of the memory is held by this process alone', () => {
  expect(heldMemoryMb()).toBeGreaterThan(1);
});
