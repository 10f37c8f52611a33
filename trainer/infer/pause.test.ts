import { readFile } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nextTurn, pauseUntil } from './pause.ts';

describe('nextTurn', () => {
  it.each<[string, (begin: () => void) => void]>([
    ['a file has been read', (begin) => readFile(import.meta.filename, begin)],
    ['setImmediate callbacks run', (begin) => setImmediate(begin)],
    ['a timer fires', (begin) => setTimeout(begin, 0)],
  ])('lets a signal arrive that was sent while the event loop was blocked, if %s', async (_, place) => {
    let came = 0;
    const onSignal = (): void => void came++;
    process.on('SIGUSR2', onSignal);
    await new Promise<void>((resolve) => place(resolve));
    process.kill(process.pid, 'SIGUSR2');
    await nextTurn();
    expect(came).toBe(1);
    process.off('SIGUSR2', onSignal);
  });
});

describe('pauseUntil', () => {
  it('continues until the signal aborts, and then throws the given error', async () => {
    const stop = new AbortController();
    const pause = pauseUntil(stop.signal, () => new RangeError('enough'));
    await pause();
    setImmediate(() => stop.abort());
    await expect(pause()).rejects.toThrow('enough');
    await expect(pauseUntil(undefined, () => new RangeError('never'))()).resolves.toBeUndefined();
  });
});
