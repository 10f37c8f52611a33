import { type ExperimentSpec, specSchema } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import type { Measured } from './trial.ts';
import { outcomeOf, runTrial } from './trial.ts';

const spec = (more: object = {}): ExperimentSpec =>
  specSchema.parse({
    dataset: { uri: 'data' },
    model: { name: 'SlimUNet', options: { width: 4, depth: 3 } },
    input: { size: 64 },
    ...more,
  });

const MEASURED: Measured = {
  kind: 'measured',
  peakMemoryMb: 500,
  firstStepSeconds: 2,
  stepSeconds: 0.5,
  validationSecondsPerImage: 0.1,
  device: 'cpu',
};

describe('runTrial', () => {
  it('measures memory and time of real steps in a separate process', async () => {
    let advances = 0;
    const onAdvance = (): void => {
      advances += 1;
    };
    const outcome = await runTrial({ spec: spec(), classes: 3, steps: 3 }, { limitMb: 8192, onAdvance });
    expect(outcome).toMatchObject({ kind: 'measured' });
    // The network, the first step, three timed ones, and a validation.
    expect(advances).toBe(6);
    if (outcome.kind !== 'measured') return;
    expect(outcome.peakMemoryMb).toBeGreaterThan(50);
    expect(outcome.stepSeconds).toBeGreaterThan(0);
    expect(outcome.firstStepSeconds).toBeGreaterThan(outcome.stepSeconds);
    expect(outcome.validationSecondsPerImage).toBeGreaterThan(0);
  });

  it('needs more memory for more images', async () => {
    const [one, many] = await Promise.all(
      [1, 32].map((batchSize) => runTrial({ spec: spec({ training: { batchSize } }), classes: 29, steps: 1 }, { limitMb: 8192 })),
    );
    if (one?.kind !== 'measured' || many?.kind !== 'measured') throw new Error(JSON.stringify([one, many]));
    expect(many.peakMemoryMb).toBeGreaterThan(one.peakMemoryMb);
  });

  it('ends a trial that uses more than the limit', async () => {
    const outcome = await runTrial({ spec: spec(), classes: 3, steps: 1 }, { limitMb: 60 });
    expect(outcome).toMatchObject({ kind: 'too-large', why: 'it used more than 60 MB' });
  });

  it('reports its estimate and what would fit before it ends a trial', async () => {
    const outcome = await runTrial(
      { spec: spec({ input: { size: 1024 }, training: { batchSize: 64 } }), classes: 29, steps: 1 },
      { limitMb: 1200 },
    );
    expect(outcome).toMatchObject({ kind: 'too-large', estimate: { fitting: { size: expect.any(Number) } } });
    if (outcome.kind === 'too-large') expect(outcome.estimate?.memoryMb).toBeGreaterThan(1200);
  });

  it('ends a trial that takes too long', async () => {
    expect(await runTrial({ spec: spec(), classes: 3, steps: 1 }, { limitMb: 8192, timeoutMs: 1 })).toEqual({
      kind: 'too-slow',
      seconds: 0.001,
    });
  });

  it('reports the error of the steps', async () => {
    const odd = { ...spec(), input: { ...spec().input, size: 63 } };
    const outcome = await runTrial({ spec: odd, classes: 3, steps: 1 }, { limitMb: 8192 });
    expect(outcome).toEqual({ kind: 'failed', message: expect.stringContaining('a multiple of 4') });
  });

  it('stops when its signal aborts', async () => {
    const stop = new AbortController();
    const running = runTrial({ spec: spec(), classes: 3, steps: 1 }, { limitMb: 8192, signal: stop.signal });
    stop.abort();
    const brokenOff = { kind: 'failed', message: 'the trial was stopped' };
    expect(await running).toEqual(brokenOff);
    expect(await runTrial({ spec: spec(), classes: 3, steps: 1 }, { limitMb: 8192, signal: stop.signal })).toEqual(brokenOff);
  });
});

describe('outcomeOf', () => {
  const ended = (signal: NodeJS.Signals | null, code: number | null, text = '') => ({ signal, code, text });

  it.each([
    ['the kernel', undefined, ended('SIGKILL', null)],
    ['the C++ library', undefined, ended('SIGABRT', null, "terminate called after throwing an instance of 'std::bad_alloc'")],
    ['V8', undefined, ended('SIGABRT', null, 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory')],
    ['TensorFlow', { kind: 'error', message: 'OOM when allocating tensor with shape[64,512,512,64]' } as const, ended(null, 0)],
    ['a peak between two polls', MEASURED, ended(null, 0)],
  ])('is too large according to %s', (_, answer, ending) => {
    expect(outcomeOf(answer, ending, 400).kind).toBe('too-large');
  });

  it('is the measurement if it is within the limit', () => {
    expect(outcomeOf(MEASURED, ended(null, 0), 500)).toBe(MEASURED);
  });

  it('is a failure otherwise, with the last message', () => {
    expect(outcomeOf(undefined, ended('SIGSEGV', null), 400)).toEqual({
      kind: 'failed',
      message: 'the process ended without a message (SIGSEGV)',
    });
    expect(outcomeOf(undefined, ended(null, 1, 'no such library\n'), 400)).toEqual({ kind: 'failed', message: 'no such library (exit 1)' });
    expect(outcomeOf({ kind: 'error', message: 'no such network' }, ended(null, 0), 400)).toEqual({
      kind: 'failed',
      message: 'no such network',
    });
  });
});
