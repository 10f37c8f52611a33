import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { progressKey } from '@carpal/artifacts/progress.ts';
import { at, ENSEMBLE, experimentWith, fold, PREPARE, report } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { Heartbeat } from '../experiment/observed.ts';
import { createProgressReader } from './progress-reports.ts';

const experiment = experimentWith({ folds: [0] });
const key = progressKey(experiment, fold(0));

async function reader() {
  const store = openStore(await mkdtemp(join(tmpdir(), 'carpal-reports-')));
  let seconds = 0;
  const read = createProgressReader(store, experiment, () => at(seconds));
  return {
    store,
    write: (step: number) => store.write(key, JSON.stringify(report(0, { step }))),
    /** The heartbeat of fold 0 in a read at this time. */
    async heartbeatAt(time: number): Promise<Heartbeat | undefined> {
      seconds = time;
      return (await read()).heartbeats?.find(({ stage }) => stage === 'fold');
    },
    read,
  };
}

const beat = (changed: number, readAt: number): Heartbeat => ({
  ...fold(0),
  changedAt: at(changed).toISOString(),
  readAt: at(readAt).toISOString(),
});

describe('the heartbeat of a stage', () => {
  it('changes with its report, by the clock of the reader', async () => {
    const { write, heartbeatAt } = await reader();
    await write(1);
    expect(await heartbeatAt(10)).toEqual(beat(10, 10));
    expect(await heartbeatAt(25)).toEqual(beat(10, 25));
    await write(2);
    expect(await heartbeatAt(40)).toEqual(beat(40, 40));
  });

  it('exists for every stage, also before its first report', async () => {
    const { read, heartbeatAt } = await reader();
    expect((await read()).heartbeats).toMatchObject([PREPARE, fold(0), ENSEMBLE]);
    expect(await heartbeatAt(20)).toEqual(beat(0, 20));
  });

  it('leaves out the time in which the machine was asleep', async () => {
    const { write, heartbeatAt } = await reader();
    await write(1);
    await heartbeatAt(10);
    await heartbeatAt(20);
    expect(await heartbeatAt(7220)).toEqual(beat(7210, 7220));
  });

  it('keeps the time of the last read while the report cannot be read, and the report stays known', async () => {
    const { store, write, heartbeatAt, read } = await reader();
    await write(1);
    await heartbeatAt(10);
    const path = join(store.uri, key);
    await rm(path);
    // A link to itself cannot be opened, not even by root.
    await symlink(path, path);
    expect(await heartbeatAt(30)).toEqual(beat(10, 10));
    expect((await read()).folds.get(0)?.step).toBe(1);
  });
});
