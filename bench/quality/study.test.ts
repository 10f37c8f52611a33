import { MODELS } from '@carpal/trainer/models/registry.ts';
import { describe, expect, it } from 'vitest';
import { contentKey, readingKey, trainingKey, trainingOf } from './figure-cache.ts';
import { FULL, MINIATURE } from './sizes.ts';
import { studyOf } from './study.ts';
import { experimentOf } from './training.ts';

const full = studyOf(FULL);

describe('the study of docs/results.md', () => {
  it('trains every network of the registry', () => {
    expect(new Set(FULL.models.map(({ name }) => name))).toEqual(new Set(MODELS.map(({ name }) => name)));
    expect(full.networks).toHaveLength(MODELS.length);
  });

  it.each([full, studyOf(MINIATURE)])(
    'consists of valid experiments and of readings with an existing training and an existing comparison',
    (study) => {
      for (const training of study.trainings) expect(experimentOf(study, training, 'data').spec.training.epochs).toBeGreaterThan(1);
      const ids = study.readings.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { training, against, votes } of study.readings) {
        expect(trainingOf(study, training).folds).toEqual(expect.arrayContaining(votes.flat()));
        if (against !== undefined) expect(ids).toContain(against);
      }
    },
  );

  it('gives all trainings the same budget and recipe, except for the one thing that is measured', () => {
    const [base] = full.trainings;
    for (const { id, spec } of full.trainings) {
      expect(spec.training).toEqual(base?.spec.training);
      expect({ ...spec, model: 0, loss: 0, input: 0 }).toEqual({ ...base?.spec, model: 0, loss: 0, input: 0 });
      if (!id.endsWith('-bce')) expect(spec.loss).toEqual(base?.spec.loss);
      if (!id.endsWith('-nearest') && !id.endsWith('-crops')) expect(spec.input).toEqual(base?.spec.input);
    }
  });

  it('trains as many pixels on crops as on whole images', () => {
    const { input } = trainingOf(full, 'slimunet-crops').spec;
    expect(input).toMatchObject({ crop: { size: full.size, imageSize: 2 * full.size } });
  });

  it('has keys that depend on every setting, but not on order and titles', () => {
    expect(contentKey({ a: 1, b: [2] })).toBe(contentKey({ b: [2], a: 1 }));
    const keys = full.readings.filter(({ id }) => full.ablations.includes(id)).map((reading) => readingKey(full, reading));
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(full.trainings.map((training) => trainingKey(full, training))).size).toBe(full.trainings.length);
    const [reading] = full.readings;
    if (!reading) throw new Error('there are no readings');
    expect(readingKey(full, { ...reading, title: 'another' })).toBe(readingKey(full, reading));
    expect(readingKey({ ...full, phantoms: { ...full.phantoms, seed: 12 } }, reading)).not.toBe(readingKey(full, reading));
  });
});
