import { describe, expect, it } from 'vitest';
import { experimentOf } from '../training.ts';
import { contestSection } from './contest-page.ts';
import { FULL_CONTEST, matchesOf, studyOfContest } from './plan.ts';
import type { ContestFigures, SideFigure } from './run-contest.ts';

const side = (perClass: readonly number[], seconds: number): SideFigure => ({
  dice: perClass.reduce((sum, dice) => sum + dice, 0) / perClass.length,
  perClass,
  parameters: 1000,
  seconds,
});
const measured = (figure: SideFigure) => ({ revision: 'abc1234', machine: 'two cores', figure });

describe('the contest', () => {
  it("trains each of the original's networks with each recipe and seed, and every training is a valid experiment", () => {
    expect(matchesOf(FULL_CONTEST)).toHaveLength(8 * 2 * 3);
    const study = studyOfContest(FULL_CONTEST);
    const specs = study.trainings.map((training) => experimentOf(study, training, '/data').spec);
    expect(new Set(specs.map(({ training }) => training.seed))).toEqual(new Set([1, 2, 3]));
    for (const { training, input, inference } of specs) {
      expect([training.epochs, training.batchSize, input.size]).toEqual([40, 2, 96]);
      expect([training.earlyStopping.patience, inference.tta]).toEqual([0, ['identity']]);
    }
  });

  it("differs from the default only by the original's losses, targets and missing augmentation", () => {
    const study = studyOfContest(FULL_CONTEST);
    const [original, byDefault] = ['unet-original-1', 'unet-default-1'].map((id) => {
      const training = study.trainings.find((one) => one.id === id);
      if (!training) throw new Error(`there is no training ${id}`);
      return experimentOf(study, training, '/data').spec;
    });
    expect(original?.augmentations).toEqual([]);
    expect(original?.loss.map(({ name, weight, reduction }) => [name, weight, reduction])).toEqual([
      ['Dice', 0.9, 'perImageClass'],
      ['IoU', 0.9, 'global'],
      ['BCE', 0.1, undefined],
      ['FocalTversky', 0.3, 'global'],
    ]);
    expect(original?.input.targets).toBe('nearest');
    expect(original?.optimizer.name).toBe(byDefault?.optimizer.name);
  });
});

describe('the section of the contest', () => {
  const pair = (ours: SideFigure, baseline: SideFigure) => ({ ours: measured(ours), baseline: measured(baseline) });
  const figures: ContestFigures = {
    'unet-original-1': pair(side([0.9, 0.8], 10), side([0.7, 0.01], 20)),
    'unet-original-2': pair(side([0.8, 0.7], 12), side([0.9, 0.8], 22)),
    'ducknet-original-1': pair(side([0.5, 0.0], 5), side([0.6, 0.6], 6)),
  };

  it('shows both sides as means over the seeds, dead classes, seconds, and marks rows below the baseline', () => {
    const section = contestSection(FULL_CONTEST, figures);
    expect(section).toContain('| UNet |  | 0.6025 (0.355–0.850) | 0.8000 (0.750–0.850) | +0.1975 | 0.5 → 0 | 21 → 11 | 2 |');
    expect(section).toContain('| DUCKNet | width 8 | 0.6000 | 0.2500 | −0.3500, **lower** | 0 → 1 | 6 → 5 | 1 |');
    expect(section).toContain('| all |  | 0.6013 | 0.5250 | −0.0762 |  |  |  |');
    expect(section).toContain('on two cores, at revision abc1234');
    expect(section).not.toContain("carpal's default\n");
  });

  it('is empty before anything is measured', () => {
    expect(contestSection(FULL_CONTEST, {})).toBeUndefined();
  });
});
