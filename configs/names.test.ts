import { readFileSync } from 'node:fs';
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
    expect(preparedKey('team-a', 'ab12')).toBe('datasets/prepared/team-a/ab12');
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

/** Reasons that report no problem. */
const ORDINARY: readonly string[] = [
  'Pending',
  'Preparing',
  'DatasetPrepared',
  'FoldsRunning',
  'FoldsFinished',
  'Ensembling',
  'Resumed',
  'NotSuspended',
  'ExperimentComplete',
  'StageStarted',
  'StageFinished',
  'StageRetried',
  'ManifestUnderstood',
  'Reopened',
  'ArtifactsRemoved',
];

describe('docs/operations/failures.md', () => {
  it('has exactly one row for each reason that reports a problem', () => {
    const page = readFileSync(new URL('../docs/operations/failures.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (`[A-Z][^|]+) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name]) => name),
    );
    expect(rows.toSorted()).toEqual(
      Object.keys(REASONS)
        .filter((reason) => !ORDINARY.includes(reason))
        .toSorted(),
    );
  });
});
