import { CarpalError } from '@carpal/configs/errors.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import { describe, expect, it } from 'vitest';
import { StartHeld } from '../experiment/substrate.ts';
import { type FailedStart, StartBackoff } from './start-backoff.ts';

const RETRY = { baseMs: 1000, longestMs: 4000, healthyAfterMs: 60_000, infrastructure: { baseMs: 1000, longestMs: 4000 } };
const quota = new ApiError(
  403,
  'Forbidden',
  'POST /apis/batch/v1/namespaces/default/jobs: 403 Forbidden: jobs.batch "wrist-prepare-1" is forbidden: exceeded quota: jobs',
);
const broken = new ApiError(
  500,
  'InternalError',
  'POST /apis/batch/v1/namespaces/default/jobs: 500 InternalError: failed calling webhook "x"',
);
const MESSAGE = 'jobs.batch "wrist-prepare-1" is forbidden: exceeded quota: jobs';

function world(): {
  held: FailedStart[];
  time: { ms: number };
  tryIt: (error?: unknown) => Promise<unknown>;
  requests: () => number;
} {
  const held: FailedStart[] = [];
  const time = { ms: 0 };
  let requests = 0;
  const backoff = new StartBackoff({ retry: RETRY, nowMs: () => time.ms, onHeld: (one) => void held.push(one) });
  const tryIt = async (error?: unknown): Promise<unknown> => {
    const start = async (): Promise<void> => {
      requests += 1;
      if (error !== undefined) throw error;
    };
    return await backoff.start('wrist-prepare-1', start).catch((thrown: unknown) => thrown);
  };
  return { held, time, tryIt, requests: () => requests };
}

describe('a start that fails', () => {
  it('is reported with the server’s message from the second time on, and tried again with a growing delay', async () => {
    const { tryIt, time, held } = world();
    expect(await tryIt(quota)).toBe(quota);
    const waits: number[] = [];
    for (let count = 0; count < 4; count++) {
      const reported = await tryIt(quota);
      expect(reported).toBeInstanceOf(StartHeld);
      expect(reported).toMatchObject({ message: MESSAGE });
      waits.push((reported as StartHeld).againMs);
      time.ms += (reported as StartHeld).againMs;
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000]);
    expect(held.map(({ attempt, againMs }) => [attempt, againMs])).toEqual(waits.map((ms) => ['wrist-prepare-1', ms]));
  });

  it('is not tried again early, whatever causes the next step', async () => {
    const { tryIt, time, held, requests } = world();
    for (let count = 0; count < 2; count++) await tryIt(quota);
    time.ms = 400;
    expect(await tryIt(quota)).toMatchObject({ message: MESSAGE, againMs: 600 });
    expect([requests(), held.length]).toEqual([2, 1]);
  });

  it('is reported later if the server is in trouble, which usually passes', async () => {
    const { tryIt } = world();
    for (let count = 0; count < 4; count++) expect(await tryIt(broken)).toBe(broken);
    expect(await tryIt(broken)).toMatchObject({ message: 'failed calling webhook "x"', againMs: 1000 });
  });

  it('waits for as long as the server asks', async () => {
    const { tryIt } = world();
    const busy = new ApiError(429, 'TooManyRequests', 'busy', { retryAfterMs: 9000 });
    for (let count = 0; count < 4; count++) await tryIt(busy);
    expect(await tryIt(busy)).toMatchObject({ againMs: 9000 });
  });

  it('counts from zero again after a successful start', async () => {
    const { tryIt, time } = world();
    for (let count = 0; count < 2; count++) await tryIt(quota);
    time.ms += 1000;
    await tryIt();
    expect(await tryIt(quota)).toBe(quota);
  });

  it('is reported with the object that already has the name, and with the fix', async () => {
    const { tryIt } = world();
    const taken = new CarpalError('object-name-held', 'the ConfigMap exists already, and nothing manages it', { where: 'ns/wrist-spec' });
    await tryIt(taken);
    expect(await tryIt(taken)).toMatchObject({
      message: expect.stringMatching(/^the ConfigMap exists already, and nothing manages it \(ns\/wrist-spec\) → \S/),
    });
  });

  it('is held back if the disk fails, with the system’s message', async () => {
    const { tryIt } = world();
    const failing = Object.assign(new Error('EIO: i/o error, open'), { code: 'EIO' });
    expect(await tryIt(failing)).toBe(failing);
    expect(await tryIt(failing)).toMatchObject({ message: 'EIO: i/o error, open', againMs: 1000 });
  });

  it.each([
    new TypeError('no uid'),
    Object.assign(new TypeError('The "path" argument must be of type string'), { code: 'ERR_INVALID_ARG_TYPE' }),
  ])('because of a bug is never held back, so that the step fails: %s', async (fault) => {
    const { tryIt, held } = world();
    for (let count = 0; count < 6; count++) expect(await tryIt(fault)).toBe(fault);
    expect(held).toEqual([]);
  });

  it.each(['denied', 'refused'] as const)('because it is %s keeps this cause, and is tried again with a growing delay', async (hold) => {
    const { tryIt, time, held, requests } = world();
    const thrown = new StartHeld(MESSAGE, 0, { hold, cause: quota });
    expect(await tryIt(thrown)).toBe(quota);
    const waits: number[] = [];
    for (let count = 0; count < 4; count++) {
      const reported = await tryIt(thrown);
      expect(reported).toMatchObject({ message: MESSAGE, hold });
      expect(await tryIt(thrown), 'before the delay has passed').toMatchObject({ message: MESSAGE, hold });
      waits.push((reported as StartHeld).againMs);
      time.ms += (reported as StartHeld).againMs;
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000]);
    expect(requests()).toBe(5);
    expect(held.map(({ cause, error }) => [cause, error])).toEqual(waits.map(() => [hold, quota]));
  });

  it('because its namespace is being deleted is held back at once', async () => {
    const { tryIt } = world();
    const going = new ApiError(
      403,
      'Forbidden',
      'POST /x: 403 Forbidden: jobs.batch "wrist-prepare-1" is forbidden: unable to create new content in namespace a because it is being terminated',
    );
    expect(await tryIt(new StartHeld(going.message, 0, { hold: 'terminating', cause: going }))).toMatchObject({
      message: expect.stringMatching(/^jobs\.batch .* being terminated$/),
      againMs: 1000,
    });
  });
});
