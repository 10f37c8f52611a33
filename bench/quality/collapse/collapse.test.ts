import { buildModel } from '@carpal/trainer/models/registry.ts';
import { describe, expect, it } from 'vitest';
import { collapseSection } from './collapse-page.ts';
import { COLLAPSE, collapseRuns } from './plan.ts';
import { collapseExperiment, startHead } from './train.ts';

describe('the collapse plan', () => {
  it('trains every network with every loss, head and seed, and each is a valid experiment', () => {
    const runs = collapseRuns(COLLAPSE);
    expect(runs).toHaveLength(4 * 11 * 2 * 3);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(runs.length);
    for (const run of runs.filter(({ seed, head }) => seed === 1 && !head.weights)) {
      const { spec } = collapseExperiment(COLLAPSE, run, '/data');
      expect([spec.model.name, spec.training.seed, spec.augmentations]).toEqual([run.network.name, run.seed, []]);
    }
  });
});

describe('startHead', () => {
  it.each(COLLAPSE.networks)('gives the head of $name a kernel of that size and that bias', ({ name, options }) => {
    const model = buildModel({ name, options, classes: 3, seed: 1 });
    const values = (part: string) =>
      model.variables.filter(({ name: own }) => own.endsWith(`head/${part}`)).map(({ variable }) => variable);
    startHead(model, { id: 'other', weights: { kernel: 0.5, bias: -3 } });
    const [[kernel], [bias]] = [values('kernel'), values('bias')];
    const inputs = (kernel?.size ?? 0) / 3;
    const squares = Array.from(kernel?.dataSync() ?? [], (value) => value ** 2).reduce((sum, value) => sum + value, 0);
    expect(Math.sqrt(squares / (3 * inputs)) * Math.sqrt(inputs)).toBeCloseTo(0.5, 4);
    expect([...(bias?.dataSync() ?? [])]).toEqual([-3, -3, -3]);
    model.dispose();
  });
});

describe('the section on collapse', () => {
  const cached = (perClass: readonly number[]) => ({ revision: 'abc1234', machine: 'two cores', figure: { perClass } });

  it('shows the mean Dice and the mean number of dead classes for each head, and rows that are measured', () => {
    const ids = collapseRuns(COLLAPSE)
      .filter(({ recipe, network, head }) => recipe.id === 'BCE' && network.name === 'SlimUNet' && head.weights === undefined)
      .map(({ id }) => id);
    const section = collapseSection(COLLAPSE, { [ids[0] ?? '']: cached([0.9, 0.01]), [ids[1] ?? '']: cached([0.9, 0.8]) });
    expect(section).toContain('| BCE | SlimUNet | 0.653, 0.5 dead | – |');
    expect(section).not.toContain('| Focal |');
    expect(collapseSection(COLLAPSE, {})).toBeUndefined();
  });
});
