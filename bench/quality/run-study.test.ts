import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { openFigureCache } from './figure-cache.ts';
import { resultsPage } from './page.ts';
import { runStudy, type StudyFigures } from './run-study.ts';
import { MINIATURE } from './sizes.ts';
import { studyOf } from './study.ts';

const classes = loadClasses('hand-bones');
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** The miniature with one training and some of its readings. */
const whole = studyOf({ ...MINIATURE, epochs: 3, validateEvery: 3, models: MINIATURE.models.slice(0, 1) });
const kinds = ['network-slimunet', 'single', 'decode-argmax', 'all-levers'];
const study = {
  ...whole,
  trainings: whole.trainings.slice(0, 1),
  readings: whole.readings.filter(({ id }) => kinds.includes(id)),
};

describe('a study', () => {
  it('measures everything once, reports each figure, and continues from the cache', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'carpal-results-test-'));
    folders.push(folder);
    const cache = openFigureCache(join(folder, 'figures'), () => ({ revision: 'abc1234', machine: 'two cores' }));
    const place = { folder, cache, classes, onProgress: () => undefined };
    const reported: StudyFigures[] = [];
    const figures = await runStudy(study, place, (soFar) => void reported.push(soFar));
    expect(Object.keys(figures.readings).sort()).toEqual([...kinds].sort());
    expect(reported.length).toBeGreaterThan(kinds.length);
    const [dice, argmax] = [figures.readings['single']?.figure, figures.readings['decode-argmax']?.figure];
    expect(dice?.people.map(({ answers }) => answers)).toEqual([4, 4]);
    expect(argmax?.perClass).toHaveLength(classes.length);
    expect(argmax?.lostShare).toBeGreaterThanOrEqual(0);
    expect(figures.folds['slimunet']?.figure).toMatchObject({ parameters: expect.any(Number), bestEpoch: 3 });
    expect(figures.overlap?.figure.sharedOfBone).toBeGreaterThan(0);
    expect(await openStore(join(folder, 'store')).list('experiments')).toEqual([]);

    const page = resultsPage(study, classes, figures);
    expect(page).toContain('on two cores');
    expect(page).toMatch(/\| SlimUNet \| width 8, depth 4 \| [\d,]+ \| \*\*0\.\d{4}\*\* \(/);
    expect(page).toMatch(/Area targets change the highest possible Dice, on 8 images of 256 px: at 64 px [+−]0\.\d{4} over nearest/);
    expect(page).not.toMatch(/undefined|NaN/);

    const again = await runStudy(study, place);
    expect(again).toEqual(figures);
  }, 300_000);

  it('has a page before anything is measured', () => {
    expect(resultsPage(study, classes, { ceilings: [], folds: {}, readings: {} })).toContain('# Results');
  });
});
