import { CarpalError } from '@carpal/configs/errors.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { StartHeld } from '../experiment/start-held.ts';
import { StartRefused } from '../experiment/start-refused.ts';
import { createStartTries, type HeldTry, type StartTries } from './start-tries.ts';

const RETRY = { baseMs: 1000, longestMs: 4000, healthyAfterMs: 60_000 };
const ONE = experimentWith();
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
const WORDS = 'jobs.batch "wrist-prepare-1" is forbidden: exceeded quota: jobs';

function world(): {
  tries: StartTries;
  held: HeldTry[];
  time: { ms: number };
  tryIt: (error?: unknown) => Promise<unknown>;
  asked: () => number;
} {
  const held: HeldTry[] = [];
  const time = { ms: 0 };
  let asked = 0;
  const tries = createStartTries(
    RETRY,
    () => time.ms,
    (one) => void held.push(one),
  );
  const tryIt = async (error?: unknown): Promise<unknown> => {
    const start = async (): Promise<void> => {
      asked += 1;
      if (error !== undefined) throw error;
    };
    return await tries.start(ONE, 'wrist-prepare-1', start).catch((thrown: unknown) => thrown);
  };
  return { tries, held, time, tryIt, asked: () => asked };
}

describe('a start that fails', () => {
  it('is told of in the words of the server from the second time on, and tried at a pace that slackens', async () => {
    const { tryIt, time, held } = world();
    expect(await tryIt(quota)).toBe(quota);
    const waits: number[] = [];
    for (let count = 0; count < 4; count++) {
      const told = await tryIt(quota);
      expect(told).toBeInstanceOf(StartHeld);
      expect(told).toMatchObject({ message: WORDS });
      waits.push((told as StartHeld).againMs);
      time.ms += (told as StartHeld).againMs;
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000]);
    expect(held.map(({ attempt, againMs }) => [attempt, againMs])).toEqual(waits.map((ms) => ['wrist-prepare-1', ms]));
  });

  it('is not tried before its time, whatever the experiment is looked at for', async () => {
    const { tryIt, time, held, asked } = world();
    for (let count = 0; count < 2; count++) await tryIt(quota);
    time.ms = 400;
    expect(await tryIt(quota)).toMatchObject({ message: WORDS, againMs: 600 });
    expect([asked(), held.length]).toEqual([2, 1]);
  });

  it('is told of later where the server is in trouble, which mostly passes', async () => {
    const { tryIt } = world();
    for (let count = 0; count < 4; count++) expect(await tryIt(broken)).toBe(broken);
    expect(await tryIt(broken)).toMatchObject({ message: 'failed calling webhook "x"', againMs: 1000 });
  });

  it('waits as long as the server asks', async () => {
    const { tryIt } = world();
    const busy = new ApiError(429, 'TooManyRequests', 'busy', { retryAfterMs: 9000 });
    for (let count = 0; count < 4; count++) await tryIt(busy);
    expect(await tryIt(busy)).toMatchObject({ againMs: 9000 });
  });

  it('begins anew once it has succeeded, and when its experiment is gone', async () => {
    for (const begin of [(one: ReturnType<typeof world>) => one.tryIt(), async (one: ReturnType<typeof world>) => one.tries.forget('u1')]) {
      const one = world();
      for (let count = 0; count < 2; count++) await one.tryIt(quota);
      one.time.ms += 1000;
      await begin(one);
      expect(await one.tryIt(quota)).toBe(quota);
    }
  });

  it('says what holds the name, and the mend', async () => {
    const { tryIt } = world();
    const taken = new CarpalError('object-name-held', 'the ConfigMap is there already, and nobody manages it', { where: 'ns/wrist-spec' });
    await tryIt(taken);
    expect(await tryIt(taken)).toMatchObject({
      message: expect.stringMatching(/^the ConfigMap is there already, and nobody manages it \(ns\/wrist-spec\) → \S/),
    });
  });

  it('is held back for a disk that does not answer, which nobody has words for but the system', async () => {
    const { tryIt } = world();
    const failing = Object.assign(new Error('EIO: i/o error, open'), { code: 'EIO' });
    expect(await tryIt(failing)).toBe(failing);
    expect(await tryIt(failing)).toMatchObject({ message: 'EIO: i/o error, open', againMs: 1000 });
  });

  it.each([
    new TypeError('no uid'),
    Object.assign(new TypeError('The "path" argument must be of type string'), { code: 'ERR_INVALID_ARG_TYPE' }),
  ])('by a fault of the program is never held back, so that the step counts as failed: %s', async (fault) => {
    const { tryIt, held } = world();
    for (let count = 0; count < 6; count++) expect(await tryIt(fault)).toBe(fault);
    expect(held).toEqual([]);
  });

  it('and was refused for good is not held back', async () => {
    const { tryIt } = world();
    const refused = new StartRefused('Job.batch is invalid');
    for (let count = 0; count < 3; count++) expect(await tryIt(refused)).toBe(refused);
  });
});
