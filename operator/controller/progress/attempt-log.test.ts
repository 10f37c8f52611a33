import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { reportKey } from '@carpal/configs/names.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { at, attempt, experimentWith, fold, report } from '@carpal/testbed/operator/builders.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StageRun } from '../../experiment/observed.ts';
import { outcomeOf } from '../../experiment/outcome.ts';
import { stageReportKey } from '../../progress/stage-report.ts';
import { attemptLogUri, explainFailure, keepAttemptLog } from './attempt-log.ts';

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
const key = `${reportKey(experiment)}/log/wrist-fold-1-2.txt`;

const reportError = (message: string, second: number, fields: Partial<StageProgress> = {}): Promise<void> =>
  store.write(
    stageReportKey(experiment, fold(1)),
    JSON.stringify(
      report(1, {
        state: 'failed',
        updatedAt: at(second).toISOString(),
        error: { code: 'disk-full', message, remedy: 'Free some.' },
        ...fields,
      }),
    ),
  );

describe('the log of a failed attempt', () => {
  it('is kept in the report, readable, once or twice alike, and its place is told', async () => {
    const uri = await keepAttemptLog({ store, experiment, run: failed(LOG) });
    await keepAttemptLog({ store, experiment, run: failed(LOG) });
    expect(uri).toBe(`${store.uri}/${key}`);
    expect(uri).toBe(attemptLogUri(store, experiment, 'wrist-fold-1-2'));
    expect((await store.read(key)).toString()).toBe('epoch 3\nTypeError: x is not a function\n    at step.ts:4\n');
  });

  it('is not kept where there is none, and is cut at its beginning where it is long', async () => {
    expect(await keepAttemptLog({ store, experiment, run: failed() })).toBeUndefined();
    expect(await keepAttemptLog({ store, experiment, run: failed(' \n') })).toBeUndefined();
    expect(await store.list('')).toEqual([]);
    await keepAttemptLog({ store, experiment, run: failed(`${'x'.repeat(200_000)}\nthe end`) });
    const kept = await store.read(key);
    expect(kept.length).toBe(65_537);
    expect(kept.toString()).toMatch(/x\nthe end\n$/);
  });
});

describe('the log of an attempt that was taken away', () => {
  const taken = { disrupted: true, reason: 'EvictionByEvictionAPI', message: 'node gpu-1: Eviction API: evicting' };

  it('is kept like any other, and what took it is told with its place', async () => {
    const explained = await explainFailure({ store, experiment, run: failed(LOG, taken) });
    expect(explained).toEqual({ message: `node gpu-1: Eviction API: evicting (log: ${store.uri}/${key})` });
    expect((await store.read(key)).toString()).toMatch(/^epoch 3\nTypeError/);
  });

  it('is none where the container said nothing: what the operator says is no log', async () => {
    expect(await explainFailure({ store, experiment, run: failed(undefined, taken) })).toEqual({ message: taken.message });
    expect(await store.list('')).toEqual([]);
  });
});

describe('what explains a failure', () => {
  const messageOf = async (lastLines?: string): Promise<string> =>
    (await explainFailure({ store, experiment, run: failed(lastLines) }))?.message ?? '';

  it("is the stage's own error rather than its log, with the log's place", async () => {
    await reportError('the disk is full', 51);
    expect(await messageOf(LOG)).toBe(`disk-full: the disk is full → Free some. (log: ${store.uri}/${key})`);
  });

  it('is the log where the error was reported by a former attempt, or not at all', async () => {
    await reportError('the disk is full', 49);
    expect(await messageOf(LOG)).toMatch(/^epoch 3\nTypeError.*\n.*step\.ts:4 \(log: .+\.txt\)$/);
    expect(await messageOf()).toBe('');
  });

  it('fits into what a status keeps of a message, with the code and the place of the log', async () => {
    await reportError('very '.repeat(1000), 51);
    const explained = { ...failed(), message: await messageOf(LOG.repeat(500)) };
    const message = outcomeOf(explained)?.message;
    expect(message).toMatch(/^exit 1: disk-full: very very .*… \(log: .+\.txt\)$/);
  });

  it('is a guess before the last lines where nobody says who killed it', async () => {
    const message = 'killed, and nobody says why; often for want of memory';
    const run = failed(LOG, { exitCode: 137, reason: 'SIGKILL', message });
    expect((await explainFailure({ store, experiment, run }))?.message).toMatch(
      /^killed, .* memory; its last lines: epoch 3\nTypeError.*\(log: .+\.txt\)$/s,
    );
    expect((await store.read(key)).toString()).not.toContain('killed');
  });

  it('is what is known without the store where that is away', async () => {
    const away = async (): Promise<never> => {
      throw new CarpalError('store-unreachable', 'away');
    };
    const store = { ...openFolderStore(root), write: away, readIfPresent: away };
    const lost: unknown[] = [];
    const onLost = (error: unknown): void => void lost.push(error);
    expect(await explainFailure({ store, experiment, run: failed('Error: x'), onLost })).toEqual({ message: 'Error: x' });
    expect(lost).toMatchObject([{ code: 'store-unreachable' }]);
  });
});
