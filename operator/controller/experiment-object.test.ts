import type { Condition, ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, PREPARE, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { type ExperimentObject, keepExperiment } from './experiment-object.ts';

const experiment = experimentWith({ deletionRemovesArtifacts: true });
const failed = attempt(PREPARE, 1, { state: 'failed', exitCode: 65, finishedAt: at(5).toISOString() });
const ended: ExperimentStatus = { ...plan(experiment, seen([failed]), at(6)).status, observedGeneration: 2 };
const held: Condition = {
  type: 'Held',
  status: 'True',
  reason: 'ManifestNotUnderstood',
  message: '',
  lastTransitionTime: at(6).toISOString(),
};

const object = (generation: number, status: ExperimentStatus): ExperimentObject => ({
  ...experiment,
  metadata: { name: 'wrist', namespace: 'default', uid: 'u1', generation, finalizers: ['carpal.dev/artifacts'] },
  status,
});

describe('what the operator keeps of an experiment', () => {
  it('is the whole object while it is active', () => {
    const { status } = plan(experiment, seen([]), at(0));
    expect(keepExperiment(object(1, status))).toMatchObject({ object: { spec: experiment.spec, status } });
    expect(keepExperiment(object(1, status)).ended).toBeUndefined();
  });

  it('is only what the clean-up and a deletion need once it has ended', () => {
    expect(keepExperiment(object(2, ended))).toEqual({
      metadata: { name: 'wrist', namespace: 'default', uid: 'u1', generation: 2, finalizers: ['carpal.dev/artifacts'] },
      ended: { ttlAfterFinished: '14d', failed: true, finishedAt: at(6).toISOString() },
      deletionRemovesArtifacts: true,
    });
  });

  it.each([
    ['its spec has changed since it ended', object(3, ended)],
    ['the operator did not understand it', object(2, { ...ended, conditions: [...ended.conditions, held] })],
  ])('is the whole object again if %s, because it may be reopened', (_why, changed) => {
    expect(keepExperiment(changed)).toMatchObject({ object: { spec: experiment.spec } });
    expect(keepExperiment(changed).ended).toBeUndefined();
  });
});
