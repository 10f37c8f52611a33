import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { ProgressWriter } from '@carpal/artifacts/progress.ts';
import { withTemporaryFolder } from '@carpal/artifacts/temporary-folder.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { expect, it } from 'vitest';
import { tinyExperiment } from '../train/testing/tiny-dataset.ts';
import { stageWarnings } from './stage-warnings.ts';

it('the warnings for the report are those of prepare, of each fold and of the running ensemble', async () => {
  await withTemporaryFolder('warnings', async (folder) => {
    const store = openFolderStore(folder);
    const experiment = tinyExperiment('data', {});
    const writerOf = (stage: StageKey) => new ProgressWriter({ store, experiment, stage, clock: () => 0 });
    const warn = async (stage: StageKey, warning: string): Promise<ProgressWriter> => {
      const progress = writerOf(stage);
      progress.warn(warning);
      await progress.write({ state: 'finished' });
      return progress;
    };
    await warn({ stage: 'prepare' }, 'an image is dark');
    await writerOf({ stage: 'fold', fold: 0 }).write({ state: 'finished' });
    await warn({ stage: 'fold', fold: 1 }, 'a class is empty');
    const ensemble = await warn({ stage: 'ensemble' }, 'a mask is empty');
    expect(await stageWarnings(experiment, store, ensemble)).toEqual([
      { stage: 'prepare', message: 'an image is dark' },
      { stage: 'fold 1', message: 'a class is empty' },
      { stage: 'ensemble', message: 'a mask is empty' },
    ]);
  });
});
