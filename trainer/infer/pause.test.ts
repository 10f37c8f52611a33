import { readFile } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nextTurn, pauseUntil } from './pause.ts';

describe('nextTurn', () => {
  it.each<[string, (begin: () => void) => void]>([
    ['a file was read', (begin) => readFile(import.meta.filename, begin)],
    ['immediates are called', (begin) => setImmediate(begin)],
    ['a timer has run out', (begin) => setTimeout(begin, 0)],
  ])('lets a signal through that came while the loop was held where %s', async (_, place) => {
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
  it('goes on until the signal asks for a stop, and throws what it is told to then', async () => {
    const stop = new AbortController();
    const pause = pauseUntil(stop.signal, () => new RangeError('enough'));
    await pause();
    setImmediate(() => stop.abort());
    await expect(pause()).rejects.toThrow('enough');
    await expect(pauseUntil(undefined, () => new RangeError('never'))()).resolves.toBeUndefined();
  });
});
