import { describe, expect, it } from 'vitest';
import { ensembleKey, experimentKey, FILE, foldKey, preparedKey, prepareKey, REASONS, reportKey } from './names.ts';
import { NAME_MAX_LENGTH } from './schema/experiment.ts';

const experiment = { metadata: { namespace: 'default', name: 'quickstart', uid: '0f1e' } };

describe('the keys of an experiment', () => {
  it('have the documented form', () => {
    expect(experimentKey(experiment)).toBe('experiments/default/quickstart/0f1e');
    expect(`${foldKey(experiment, 2)}/${FILE.bestCheckpoint}`).toBe(
      'experiments/default/quickstart/0f1e/folds/2/checkpoint/best.safetensors',
    );
    expect(`${ensembleKey(experiment)}/${FILE.submission}`).toBe('experiments/default/quickstart/0f1e/ensemble/submission.csv');
    expect(`${reportKey(experiment)}/${FILE.report}`).toBe('experiments/default/quickstart/0f1e/report/report.html');
    expect(prepareKey(experiment)).toBe('experiments/default/quickstart/0f1e/prepare');
    expect(preparedKey('ab12')).toBe('datasets/prepared/ab12');
  });

  it('end in "local" for a stage that was started by hand', () => {
    expect(experimentKey({ metadata: { namespace: 'default', name: 'a' } })).toBe('experiments/default/a/local');
  });
});

describe('the names in Kubernetes', () => {
  it('leave room for the longest Job name of an experiment', () => {
    expect(`${'a'.repeat(NAME_MAX_LENGTH)}-ensemble-${100 + 1000}`.length).toBeLessThanOrEqual(63);
    expect(`${'a'.repeat(NAME_MAX_LENGTH)}-fold-19-${100 + 1000}`.length).toBeLessThanOrEqual(63);
  });

  it('include reasons in CamelCase, each with a sentence as its meaning', () => {
    for (const [reason, meaning] of Object.entries(REASONS)) {
      expect(reason).toMatch(/^([A-Z][a-z]+)+$/);
      expect(meaning).toMatch(/^\S.*\.$/);
    }
  });
});
