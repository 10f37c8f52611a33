import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { progressKey } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { experimentKey } from '@carpal/configs/names.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { at, attempt, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { outcomeOf } from '../experiment/retry-policy.ts';
import { explainFailure, explainFailures } from './explain-failures.ts';

let root = '';
let store: ArtifactStore;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-attempt-log-'));
});
beforeEach(async () => {
  store = openFolderStore(await mkdtemp(join(root, 'store-')));
});
afterAll(async () => rm(root, { recursive: true, force: true }));

const experiment = experimentWith();
const failed = (lastLines?: string, fields: Partial<StageRun> = {}) =>
  attempt(fold(1), 2, {
    state: 'failed',
    exitCode: 1,
    startedAt: at(50).toISOString(),
    ...(lastLines === undefined ? {} : { lastLines }),
    ...fields,
  });
const LOG = 'I0000 greeting\nepoch 3\n\u001b[31mTypeError: x is not a function\u001b[0m\n\n    at step.ts:4\n';
const key = `${experimentKey(experiment)}/logs/fold-1-2.txt`;

const reportError = (message: string, second: number, fields: Partial<StageProgress> = {}): Promise<void> =>
  store.write(
    progressKey(experiment, fold(1)),
    JSON.stringify(
      report(1, {
        state: 'failed',
        updatedAt: at(second).toISOString(),
        error: { code: 'disk-full', message, remedy: 'Free some.' },
        ...fields,
      }),
    ),
  );

describe('the log of a disrupted attempt', () => {
  const taken = { disrupted: true, reason: 'EvictionByEvictionAPI', message: 'node gpu-1: Eviction API: evicting' };

  it('is stored like any other; the message names the cause of the disruption and the log', async () => {
    const explained = await explainFailure(failed(LOG, taken), { store, experiment });
    expect(explained).toMatchObject({ message: `node gpu-1: Eviction API: evicting (log: ${store.uri}/${key})`, log: key });
    expect((await store.read(key)).toString()).toMatch(/^epoch 3\nTypeError/);
  });

  it('is not stored if the container printed nothing: a message of the operator is not a log', async () => {
    expect(await explainFailure(failed(undefined, taken), { store, experiment })).toEqual(failed(undefined, taken));
    expect(await store.list('')).toEqual([]);
  });
});

describe('the explanation of a failure', () => {
  const messageOf = async (lastLines?: string): Promise<string> =>
    (await explainFailure(failed(lastLines), { store, experiment })).message ?? '';

  it("contains the stage's own error rather than its log, and the location of the log", async () => {
    await reportError('the disk is full', 51);
    expect(await messageOf(LOG)).toBe(`disk-full: the disk is full → Free some. (log: ${store.uri}/${key})`);
  });

  it('contains the log if the only known error is from an earlier attempt or no error is known', async () => {
    await reportError('the disk is full', 49);
    expect(await messageOf()).toBe('');
    expect(await messageOf(LOG)).toMatch(/^epoch 3\nTypeError.*\n.*step\.ts:4 \(log: .+\.txt\)$/);
  });

  it('fits into a status message together with the exit code and the location of the log', async () => {
    await reportError('very '.repeat(1000), 51);
    const explained = { ...failed(), message: await messageOf(LOG.repeat(500)) };
    const message = outcomeOf(explained)?.message;
    expect(message).toMatch(/^exit 1: disk-full: very very .*… \(log: .+\.txt\)$/);
  });

  it('contains a guess and the last lines if the reason for the kill is unknown', async () => {
    const message = 'killed for an unknown reason, often a lack of memory';
    const run = failed(LOG, { exitCode: 137, reason: 'SIGKILL', message });
    expect((await explainFailure(run, { store, experiment })).message).toMatch(
      /^killed for .* memory; its last lines: epoch 3\nTypeError.*\(log: .+\.txt\)$/s,
    );
    expect((await store.read(key)).toString()).not.toContain('killed');
  });

  it('contains what is known without the store if the store is unreachable', async () => {
    const away = async (): Promise<never> => {
      throw new CarpalError('store-unreachable', 'away');
    };
    const store = { ...openFolderStore(root), list: away, writeIfUnchanged: away, readIfPresent: away };
    const lost: unknown[] = [];
    const onLost = (_run: StageRun, error: unknown): void => void lost.push(error);
    const explained = await explainFailure(failed('Error: x'), { store, experiment, onLost });
    expect([explained.message, explained.log]).toEqual(['Error: x', undefined]);
    expect(lost).toMatchObject([{ code: 'store-unreachable' }]);
  });
});

describe('the complete log that a stage has stored', () => {
  beforeEach(() => store.write(key, 'the whole log\n'));

  it('is not replaced by the last lines that the operator knows, and is named', async () => {
    const { message, log } = await explainFailure(failed(LOG), { store, experiment });
    expect((await store.read(key)).toString()).toBe('the whole log\n');
    expect([message, log]).toEqual([expect.stringContaining(`(log: ${store.uri}/${key})`), key]);
  });

  it('is named without a message for an attempt that did not fail, or that was asked to stop', async () => {
    const running = plan(experiment, seen([prepared(), attempt(fold(1), 2, {})]), at(60)).status;
    const succeeded = attempt(fold(1), 2, { state: 'succeeded', exitCode: 0 });
    expect(await explainFailures([succeeded], running, { store, experiment })).toEqual([{ ...succeeded, log: key }]);
    const stopped = failed(LOG, { exitCode: 75 });
    const folds = running.folds.map((one) => (one.index === 1 ? { ...one, state: 'Stopping' as const } : one));
    expect(await explainFailures([stopped], { ...running, folds }, { store, experiment })).toEqual([{ ...stopped, log: key }]);
    expect(await explainFailures([prepared()], running, { store, experiment })).toEqual([prepared()]);
  });
});

it('escape sequences of a message are removed', async () => {
  const { message } = await explainFailure(failed(undefined, { message: '\u001b]0;title\u0007gone\u001b[31m at once\u001b[0m' }), {
    store,
    experiment,
  });
  expect(message).toBe('gone at once');
});

describe('explainFailures', () => {
  it('explains only failures that the status has not counted', async () => {
    const running = plan(experiment, seen([prepared(), attempt(fold(1), 2, {})]), at(60)).status;
    const run = failed('Error: x');
    const counted = plan(experiment, seen([prepared(), run], running), at(70)).status;
    const [explained] = await explainFailures([run], running, { store, experiment });
    expect(explained?.message).toMatch(/^Error: x \(log: /);
    expect(await explainFailures([run], counted, { store, experiment })).toEqual([run]);
  });
});
