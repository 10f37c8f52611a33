import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { annotationText, circle, greyPng, temporaryFolder, writeUnder } from '@carpal/report/dataset/testing/small-dataset.ts';
import { describe, expect, it } from 'vitest';
import { runPrepare } from './prepare.ts';
import { findPrepared } from './prepared-note.ts';

const experimentOver = (uri: string, folds = 2): SegmentationExperiment =>
  experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'small', uid: '7' },
    spec: { dataset: { uri, split: { folds } }, model: { name: 'UNet' }, input: { size: 32 } },
  });

async function writePeople(folder: string, people: number): Promise<void> {
  for (let person = 1; person <= people; person++) {
    await writeUnder(folder, `train/DCM/ID${person}/image${person}.png`, await greyPng(64, 64, (x) => x + person));
    await writeUnder(folder, `train/outputs_json/ID${person}/image${person}.json`, annotationText({ 'finger-1': circle(30, 30, 10) }));
  }
}

const progressIn = async (artifacts: string): Promise<unknown> =>
  stageProgressSchema.parse(JSON.parse(await readFile(join(artifacts, 'experiments/default/small/7/prepare/progress.json'), 'utf8')));

describe('runPrepare', () => {
  it('creates the set, records its key for later stages, and reports that it has finished', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writePeople(folder, 3);
    const experiment = experimentOver(folder);
    const store = openFolderStore(artifacts);
    let nowMs = Date.UTC(2026, 0, 1);
    const seen: (number | null)[] = [];
    await expect(findPrepared(experiment, store)).rejects.toMatchObject({ code: 'artifact-missing' });
    const prepared = await runPrepare({
      experiment,
      store,
      clock: () => nowMs,
      onProgress: ({ done, imagesPerSecond }) => {
        seen.push(done, imagesPerSecond);
        nowMs += 500;
      },
    });
    expect(prepared.classes).toHaveLength(29);
    expect(seen).toEqual([0, null, 1, 2, 2, 2, 3, 2]);
    expect((await findPrepared(experiment, store)).samples).toEqual(prepared.samples);
    expect(await progressIn(artifacts)).toMatchObject({
      stage: 'prepare',
      state: 'finished',
      done: 3,
      total: 3,
      etaSeconds: 0,
      updatedAt: expect.stringMatching(/^2026-01-01T/),
    });
  });

  it('stores the set for its own namespace: another namespace makes its own', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writePeople(folder, 2);
    const store = openFolderStore(artifacts);
    const made = experimentOver(folder);
    for (const namespace of ['team-a', 'team-b']) {
      const experiment = { ...made, metadata: { ...made.metadata, namespace } };
      const { hash } = await runPrepare({ experiment, store, clock: () => 0 });
      expect((await findPrepared(experiment, store)).folder).toBe(join(artifacts, 'datasets/prepared', namespace, hash));
    }
  });

  it('leaves the set that version 0.1 prepared, without a namespace, to the later stages of its experiment', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writePeople(folder, 2);
    const store = openFolderStore(artifacts);
    const experiment = experimentOver(folder);
    const { hash } = await runPrepare({ experiment, store, clock: () => 0 });
    const old = join(artifacts, 'datasets/prepared', hash);
    await rename(join(artifacts, 'datasets/prepared/default', hash), old);
    const note = join(artifacts, 'experiments/default/small/7/prepare/prepared.json');
    await writeFile(note, JSON.stringify({ hash, key: `datasets/prepared/${hash}`, images: 2 }));
    expect(await findPrepared(experiment, store)).toMatchObject({ hash, folder: old });
    await writeFile(note, JSON.stringify({ hash: '../../x', key: 'datasets/prepared/../../x', images: 2 }));
    await expect(findPrepared(experiment, store)).rejects.toMatchObject({ code: 'prepared-invalid' });
  });

  it('rejects more folds than people before it decodes an image, and reports it in progress.json', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writePeople(folder, 2);
    const stage = { experiment: experimentOver(folder, 3), store: openFolderStore(artifacts), clock: () => 0 };
    await expect(runPrepare(stage)).rejects.toMatchObject({ code: 'folds-exceed-people' });
    expect(await progressIn(artifacts)).toMatchObject({
      state: 'failed',
      error: { code: 'folds-exceed-people', message: '3 folds for 2 people' },
    });
    expect(await openFolderStore(artifacts).list('datasets')).toEqual([]);
  });

  it('reports that it is stopped, not failed, if the signal aborts', async () => {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    await writePeople(folder, 2);
    const stage = { experiment: experimentOver(folder), store: openFolderStore(artifacts), clock: () => 0, signal: AbortSignal.abort() };
    await expect(runPrepare(stage)).rejects.toMatchObject({ code: 'stopped-with-checkpoint', exit: 75 });
    expect(await progressIn(artifacts)).toMatchObject({ state: 'stopped' });
  });

  it('reports that the data set does not exist', async () => {
    const artifacts = await temporaryFolder();
    const stage = { experiment: experimentOver(join(artifacts, 'none')), store: openFolderStore(artifacts), clock: () => 0 };
    await expect(runPrepare(stage)).rejects.toMatchObject({ code: 'dataset-missing' });
  });
});
